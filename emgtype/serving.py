"""The daemon put together: sockets, sources, models and sinks of everybody who is served."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Console

from adapters.closing import Closing
from adapters.console import ConsoleSink, LiveLines
from adapters.control import ControlSocket
from adapters.endpoint import control_endpoint
from adapters.lsl_inlet import open_sources
from adapters.publisher import Publisher, PubSocket
from emgtype.config import Config
from emgtype.daemon import Daemon, Sink, Wearer
from emgtype.exchange import Exchange
from emgtype.member import Member, Roster
from emgtype.people import Person, gather
from emgtype.recent import Recent
from emgtype.requests import Requests

Say = Callable[[str, str], None]
"""Takes a sentence and its style on a terminal: dim for what is as expected, yellow for what should be known."""


class Service(Closing):
    """Everything that `emgtype serve` runs. Use it in a `with`.

    Args:
        configs: Settings of each person; what is nobody's alone (sockets, stall, console) is as the first one's say.
        profiles: The profile that each of them was started with.
        say: Tells the user.
        shown: Whether the text is shown on standard output.

    Raises:
        InputError: An endpoint in use, a stream that is not there, or a model that does not fit.
    """

    def __init__(self, configs: Sequence[Config], profiles: Sequence[str | None], say: Say, *, shown: bool) -> None:
        config = configs[0]
        self._say = say
        self._several = len(configs) > 1
        self._raw = config.console.raw
        chosen = {each.person: profile for each, profile in zip(configs, profiles, strict=True)}
        self.roster = Roster(parties=gather(configs))
        people = [person for party in self.roster.parties for person in party.people]
        with ExitStack() as stack:
            # The endpoint first: a port in use should be told before seconds are spent on looking for streams.
            socket = stack.enter_context(PubSocket(config.publish.endpoint or None))
            publishers = [Publisher(socket, config.session, person.config.person) for person in people]
            wanted = [(person.streams, person.bundle.facts.layout) for person in people]
            sources = [stack.enter_context(source) for source in open_sources(wanted, config.source.timeout)]
            self._screen = stack.enter_context(ExitStack())
            out = Console(file=sys.stdout)
            lines = self._screen.enter_context(LiveLines(out)) if shown else None
            for person, source, publisher in zip(people, sources, publishers, strict=True):
                self._introduce(person, [*source.notes, person.note], f"{source.description} → ", socket.endpoint)
                recent = Recent(publisher)
                sinks: list[Sink] = [publisher, recent]
                if lines:
                    sinks.append(self._screen.enter_context(self._console(out, person, lines)))
                label = person.config.person if self._several else ""
                wearer = Wearer(source, person.pipeline, sinks, publisher.heartbeat, label)
                name = person.config.person
                self.roster.members[name] = Member(person, source, wearer, recent, chosen[name])
            for limit in dict.fromkeys(person.bundle.facts.licence_note for person in people):
                if limit:
                    say(f"weights: {limit}", "yellow")
            asked = stack.enter_context(ControlSocket(config.publish.control or control_endpoint(socket.endpoint)))
            for source in sources:
                source.flush()
            self._daemon = Daemon(
                [
                    (party.pipelines, [self.roster.members[each.config.person].wearer for each in party.people])
                    for party in self.roster.parties
                ],
                stall=config.source.stall,
                heartbeat_every=config.publish.heartbeat,
                tell=self._warn,
                attend=self._attend,
            )
            self._exchange = stack.enter_context(Exchange(self._daemon, self.roster, self._warn))
            self._asked = asked
            self._requests = Requests(self._daemon, self.roster, self._exchange)
            self._stack = stack.pop_all()

    def run(self, seconds: float | None = None) -> None:
        """Decode until Ctrl-C, a request to end, or for `seconds`; then all text is settled and shown.

        Raises:
            InputError: The last stream has ended, or its samples cannot be decoded.
        """
        try:
            self._daemon.run(seconds)
        finally:
            self._screen.close()

    def close(self) -> None:
        """Give everything back."""
        self._stack.close()

    def _attend(self) -> None:
        self._asked.attend(self._requests.answer)
        self._exchange.attend()

    def _introduce(self, person: Person, notes: Sequence[str], source: str, endpoint: str) -> None:
        for note in filter(None, notes):
            self._warn(f"note: {note}")
        who = f"{person.config.person}: " if self._several else ""
        self._say(f"{who}{source}{person.bundle.facts.name} → {endpoint}", "dim")

    def _console(self, out: Console, person: Person, lines: LiveLines) -> ConsoleSink:
        name = person.config.person if self._several else ""
        return ConsoleSink(out, raw=self._raw, name=name, lines=lines)

    def _warn(self, sentence: str) -> None:
        self._say(sentence, "yellow")
