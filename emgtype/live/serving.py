"""The daemon put together: sockets, sources, models and sinks of everybody who is served."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from adapters.files.closing import Closing
from adapters.host.console import ConsoleSink, LiveLines
from adapters.host.systemd import ServiceManager
from adapters.inject.sink import KeySink
from adapters.lsl.source import LSLSource, open_sources
from adapters.wire.publisher import Publisher, PubSocket
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon, Sink, Wearer
from emgtype.live.exchange import Exchange
from emgtype.live.injection import open_keys
from emgtype.live.keeping import Keeping, Tapped
from emgtype.live.member import Member, Roster
from emgtype.live.people import Person, gather
from emgtype.live.recent import Recent
from emgtype.live.requests import Requests
from emgtype.live.sockets import control_socket, publish_socket
from messages.signal import Chunk
from streamer.activity.clench_switch import ClenchSwitch

if TYPE_CHECKING:
    from adapters.host.metrics import MetricsServer

Say = Callable[[str, str], None]
"""Takes a sentence and its style on a terminal: dim for what is as expected, yellow for what should be known."""


def _metrics(endpoint: str) -> "MetricsServer":
    from adapters.host.metrics import MetricsServer  # noqa: PLC0415 - its library is an extra

    return MetricsServer(endpoint)


def _clench(person: Person) -> Callable[[Chunk], int]:
    seconds = person.config.gate.clench_switch_s
    return ClenchSwitch(person.bundle.facts, seconds).push if seconds else lambda _chunk: 0


class Screen(Closing):
    """Everybody's text on standard output. Use it in a `with`."""

    def __init__(self, *, shown: bool, raw: bool, several: bool) -> None:
        self._raw = raw
        self._several = several
        self._out = Console(file=sys.stdout)
        self._stack = ExitStack()
        self._lines = self._stack.enter_context(LiveLines(self._out)) if shown else None

    def sinks(self, name: str) -> list[Sink]:
        """Where somebody's text is shown, if anywhere."""
        if not self._lines:
            return []
        label = name if self._several else ""
        return [self._stack.enter_context(ConsoleSink(self._out, raw=self._raw, name=label, lines=self._lines))]

    def close(self) -> None:
        """Leave what is shown as it stands; elsewhere than on a terminal print what is left of the last lines."""
        self._stack.close()


class Service(Closing):
    """Everything that `emgtype serve` runs. Use it in a `with`.

    Args:
        configs: Settings of each person; what is nobody's alone (sockets, stall, console) is as the first one's say.
        profiles: The profile that each of them was started with.
        say: Tells the user.
        shown: Whether the text is shown on standard output.
        record: Folder for a session file of each; None: none.
        inject: Whether the text of the one person who is served is typed into windows, once armed.

    Raises:
        InputError: An endpoint in use, a stream that is not there, or a model that does not fit.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        profiles: Sequence[str | None],
        say: Say,
        *,
        shown: bool,
        record: Path | None = None,
        inject: bool = False,
    ) -> None:
        self._config = configs[0]
        self._several = len(configs) > 1
        self._say = say
        self._profile_of = {config.person: profile for config, profile in zip(configs, profiles, strict=True)}
        self.roster = Roster(parties=gather(configs))
        self._keys: KeySink | None = None
        self._polls: list[Callable[[], None]] = []
        with ExitStack() as stack:
            self._keeping = stack.enter_context(Keeping(record, self._config.record.flight_minutes, self._warn))
            if inject:
                self._keys = stack.enter_context(open_keys(self._config.inject, self._warn, arm=False))
            self._serve(stack, [person for party in self.roster.parties for person in party.people], shown)
            self._stack = stack.pop_all()

    def _serve(self, stack: ExitStack, people: Sequence[Person], shown: bool) -> None:
        config = self._config
        self._manager = stack.enter_context(ServiceManager())
        # The endpoints first: a port in use should be told before seconds are spent on looking for streams.
        socket = stack.enter_context(publish_socket(config.publish))
        self._metrics = stack.enter_context(_metrics(config.metrics.endpoint)) if config.metrics.endpoint else None
        wanted = [(person.streams, person.bundle.facts.layout) for person in people]
        sources = [
            stack.enter_context(source)
            for source in open_sources(wanted, config.source.timeout_s, config.source.backlog_s, withhold=True)
        ]
        for person, source in zip(people, sources, strict=True):
            self._introduce(person, source, socket.endpoint)
        for limit in dict.fromkeys(person.bundle.facts.licence_note for person in people):
            if limit:
                self._warn(f"weights: {limit}")
        self._screen = stack.enter_context(Screen(shown=shown, raw=config.console.raw, several=self._several))
        for person, source in zip(people, sources, strict=True):
            self.roster.members[person.config.person] = self._member(person, source, socket, stack)
        self._asked = stack.enter_context(control_socket(config.publish, socket.endpoint))
        for note in filter(None, (socket.note, self._asked.note)):
            self._warn(f"note: {note}")
        members = self.roster.members
        self._daemon = Daemon(
            [
                (party.pipelines, [members[person.config.person].wearer for person in party.people])
                for party in self.roster.parties
            ],
            stall=config.source.stall_s,
            heartbeat_every=config.publish.heartbeat_s,
            tell=self._warn,
            attend=self._attend,
        )
        self._exchange = stack.enter_context(Exchange(self._daemon, self.roster, self._warn))
        self._requests = Requests(self._daemon, self.roster, self._exchange, self._keeping)

    def _member(self, person: Person, source: LSLSource, socket: PubSocket, stack: ExitStack) -> Member:
        name = person.config.person
        publisher = Publisher(socket, self._config.session, name)
        recent = Recent(publisher)
        sinks: list[Sink] = [publisher, recent, *self._screen.sinks(name), *filter(None, [self._keys])]

        def beat() -> None:
            publisher.heartbeat()
            publisher.status(member.status)
            for said in member.news():
                self._warn(f"{label}: {said}" if label else said)
            if self._metrics:
                self._metrics.push(name, member.status())

        label = name if self._several else ""
        profile, layout = self._profile_of[name], person.bundle.facts.layout
        signal = SignalReport(
            watch_for(person.config, profile, layout),
            layout,
            lambda said: self._warn(f"{label}: {said}" if label else said),
        )
        recording, flight = self._keeping.record(person), self._keeping.flight(person)
        heard = Tapped(source, recording.push) if recording else source
        sinks += [flight] if flight else []
        wearer = Wearer(
            heard,
            person.pipeline,
            sinks,
            beat,
            label,
            watch=signal.push,
            hush=self._keys.disarm if self._keys else lambda: None,
            clench=_clench(person),
            witness=flight,
            silent=lambda: " and ".join(source.silent()),
        )
        member = Member(person, source, wearer, recent, publisher.mark, signal, self._keys, profile, recording, flight)
        member.overflows = lambda: publisher.overflows
        if person.config.words.publish:
            self._read_sentences(member, publisher, stack)
        return member

    def _read_sentences(self, member: Member, publisher: Publisher, stack: ExitStack) -> None:
        """Somebody's text, read once more at word level, goes out, too."""
        from emgtype.words.word_model import word_files  # noqa: PLC0415 - its library is an extra
        from emgtype.words.word_process import open_sentences  # noqa: PLC0415

        words, folder = member.person.config.words, member.person.bundle.folder
        member.sentences = sentences = stack.enter_context(open_sentences(words, word_files(folder, words)))
        member.person.pipeline.tap, member.wearer.settled = sentences.push, sentences.finish

        def publish_those_done() -> None:
            for sentence in sentences.poll():
                publisher.sentence(sentence)

        self._polls.append(publish_those_done)

    def arm(self) -> None:
        """Type from the delay of the settings on, as the request `arm` does."""
        if self._keys:
            self._keys.arm()

    def run(self, seconds: float | None = None) -> None:
        """Decode until Ctrl-C, a request to end, or for `seconds`; then all text is settled and shown.

        Raises:
            InputError: The last stream has ended, or its samples cannot be decoded.
        """
        self._manager.ready()
        try:
            self._daemon.run(seconds)
            if self._keys:
                self._keys.finish()
        except Exception:
            self._keeping.dump_all()
            raise
        finally:
            self._screen.close()

    def close(self) -> None:
        """Give everything back."""
        self._stack.close()

    def _attend(self) -> None:
        self._asked.attend(self._requests.answer)
        self._exchange.attend()
        self._keeping.attend(self.roster.members)
        self._manager.alive()
        for poll in self._polls:
            poll()

    def _introduce(self, person: Person, source: LSLSource, endpoint: str) -> None:
        for note in filter(None, (*source.notes, person.note)):
            self._warn(f"note: {note}")
        who = f"{person.config.person}: " if self._several else ""
        self._say(f"{who}{source.description} → {person.bundle.facts.name} → {endpoint}", "dim")

    def _warn(self, sentence: str) -> None:
        self._say(sentence, "yellow")
