"""The daemon put together: sockets, sources, lines and outputs of all wearers, built one part after the other."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.files.closing import Closing
from adapters.host.systemd import ServiceManager
from adapters.inject.sink import KeyInjector
from adapters.lsl.source import LSLSource, open_sources
from adapters.wire.publisher import Publisher, PubSocket
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon
from emgtype.live.exchange import Exchange
from emgtype.live.injection import open_injector
from emgtype.live.line import Line
from emgtype.live.load import load_lines
from emgtype.live.notices import Notices
from emgtype.live.outputs import ConsoleOutputs, Outputs
from emgtype.live.recent import Recent
from emgtype.live.recordings import Recordings
from emgtype.live.requests import Requests
from emgtype.live.sockets import control_socket, publish_socket
from emgtype.live.wearer import Wearer
from messages.notice import Notice, sentence
from streamer.activity.clench_switch import ClenchSwitch

if TYPE_CHECKING:
    from adapters.host.metrics import MetricsServer
    from emgtype.words.word_process import SentenceProcess

Log = Callable[[str, str], None]
"""Takes a sentence and its style on a terminal: dim for the expected, yellow for what the user should know."""


class Service(Closing):
    """Everything that `emgtype serve` runs. Use it in a `with`.

    Args:
        configs: Settings of each wearer; settings that belong to nobody (sockets, stall, console) are the first one's.
        profiles: Profile that each of them was started with.
        log: Takes sentences for the user.
        shown: Whether the text is shown on standard output.
        record: Folder for a session file of each wearer; None: none are written.
        inject: Whether the text of the only wearer is typed into windows, once armed.

    Raises:
        InputError: An endpoint is in use, a stream is not there, or a model does not fit.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        profiles: Sequence[str | None],
        log: Log,
        *,
        shown: bool,
        record: Path | None = None,
        inject: bool = False,
    ) -> None:
        self._config = configs[0]
        self._several = len(configs) > 1
        self._log = log
        self._outputs: dict[str, Outputs] = {}
        self._injector: KeyInjector | None = None
        self._metrics: MetricsServer | None = None
        lines = load_lines(configs)
        profile_of = {config.person: profile for config, profile in zip(configs, profiles, strict=True)}
        for line in lines:
            line.profile = profile_of[line.name]
        with ExitStack() as stack:
            self._recordings = stack.enter_context(Recordings(record, self._config.record.flight_minutes, self._warn))
            if inject:
                self._injector = stack.enter_context(open_injector(self._config.inject, self._warn, arm=False))
            self._open(stack, lines, shown)
            self._stack = stack.pop_all()

    def arm(self) -> None:
        """Type into the focused window after the delay of the settings, as the request `arm` does."""
        if self._injector:
            self._injector.arm()

    def run(self, seconds: float | None = None) -> None:
        """Decode until Ctrl-C, a request to end, or for `seconds`; then all text becomes final and is shown.

        Raises:
            InputError: The last stream has ended, or its samples cannot be decoded.
        """
        self._manager.ready()
        try:
            self._daemon.run(seconds)
            if self._injector:
                self._injector.finish()
        except Exception:
            self._recordings.write_all_flights()
            raise
        finally:
            self._console.close()

    def report(self) -> dict[str, Any]:
        """Return the figures at the end: those of the only wearer; of several by name, and of their common encoders."""
        people = {
            name: {
                "samples": wearer.samples,
                "lost": wearer.source.figures()["lost"],
                "stages_ms": wearer.line.timer.report(),
            }
            for name, wearer in self._daemon.wearers.items()
        }
        if len(people) == 1:
            return next(iter(people.values()))
        return {"people": people, "encoders": self._daemon.encoders()}

    def sample_counts(self, seconds: float) -> list[str]:
        """Return a sentence for each wearer at the end: their samples in `seconds`, and those lost."""
        sentences = []
        for name, wearer in self._daemon.wearers.items():
            lost = wearer.source.figures()["lost"]
            counts = f"{wearer.samples} samples in {seconds:.1f} s" + ("" if lost is None else f", {lost} lost")
            sentences.append(self._labelled(name, counts))
        return sentences

    def close(self) -> None:
        """Close all that was opened."""
        self._stack.close()

    def _open(self, stack: ExitStack, lines: Sequence[Line], shown: bool) -> None:
        config = self._config
        self._manager = stack.enter_context(ServiceManager())
        # The endpoints first: that a port is in use shows before seconds are spent on looking for streams.
        socket = stack.enter_context(publish_socket(config.publish))
        if config.metrics.endpoint:
            self._metrics = stack.enter_context(_open_metrics(config.metrics.endpoint))
        sources = self._open_sources(stack, lines)
        for line, source in zip(lines, sources, strict=True):
            self._introduce(line, source, socket.endpoint)
        self._log_licences(lines)
        self._console = stack.enter_context(ConsoleOutputs(shown=shown, raw=config.console.raw, several=self._several))
        wearers = [self._wearer(stack, line, source, socket) for line, source in zip(lines, sources, strict=True)]
        self._control = stack.enter_context(control_socket(config.publish, socket.endpoint))
        for note in filter(None, (socket.note, self._control.note)):
            self._warn(f"note: {note}")
        self._daemon = Daemon(
            wearers,
            stall=config.source.stall_s,
            heartbeat_every=config.publish.heartbeat_s,
            notify=self._notify,
            attend=self._attend,
        )
        self._exchange = stack.enter_context(Exchange(self._daemon, self._outputs, self._warn))
        self._requests = Requests(self._daemon, self._outputs, self._exchange, self._recordings)

    def _open_sources(self, stack: ExitStack, lines: Iterable[Line]) -> list[LSLSource]:
        """Open the streams of all wearers, which are looked for together."""
        settings = self._config.source
        requests = [(line.streams, line.bundle.facts.layout) for line in lines]
        sources = open_sources(requests, settings.timeout_s, settings.backlog_s, withhold=True)
        return [stack.enter_context(source) for source in sources]

    def _introduce(self, line: Line, source: LSLSource, endpoint: str) -> None:
        """Log what was assumed of a wearer's streams and layer, and where their samples go."""
        for note in filter(None, (*source.notes, line.note)):
            self._warn(f"note: {note}")
        self._log(self._labelled(line.name, f"{source.description} → {line.bundle.facts.name} → {endpoint}"), "dim")

    def _log_licences(self, lines: Iterable[Line]) -> None:
        for note in dict.fromkeys(line.bundle.facts.licence_note for line in lines):
            if note:
                self._warn(f"weights: {note}")

    def _wearer(self, stack: ExitStack, line: Line, source: LSLSource, socket: PubSocket) -> Wearer:
        """Build a wearer with a line's sinks and recordings."""
        publisher = Publisher(socket, self._config.session, line.name)
        recent = Recent(publisher)
        line.sinks += [publisher, recent, *self._console.sinks(line.name)]
        if self._injector:
            line.sinks.append(self._injector)
        outputs = self._build_outputs(line, publisher, recent)
        self._outputs[line.name] = outputs
        self._recordings.attach_flight_recorder(line)
        if line.config.words.publish:
            outputs.sentences = _open_sentences(stack, line)
        return Wearer(line.name, source, [line], outputs, pause_switch=_pause_switch(line))

    def _build_outputs(self, line: Line, publisher: Publisher, recent: Recent) -> Outputs:
        layout = line.bundle.facts.layout
        log = partial(self._warn_of, line.name)
        return Outputs(
            publisher,
            recent,
            SignalReport(watch_for(line.config, line.profile, layout), layout, log),
            Notices(line.name),
            log,
            injector=self._injector,
            recording=self._recordings.open_session(line),
            metrics=self._metrics,
        )

    def _attend(self) -> None:
        self._control.attend(self._requests.answer)
        self._exchange.attend()
        self._recordings.attend(self._daemon.wearers.values())
        self._manager.alive()
        for outputs in self._outputs.values():
            outputs.publish_sentences()

    def _notify(self, notice: Notice) -> None:
        self._warn_of(notice.subject, sentence(notice))

    def _warn_of(self, name: str, message: str) -> None:
        self._warn(self._labelled(name, message))

    def _warn(self, message: str) -> None:
        self._log(message, "yellow")

    def _labelled(self, name: str, message: str) -> str:
        """Return a message that begins with the wearer's name where there are several."""
        return f"{name}: {message}" if self._several else message


def _open_metrics(endpoint: str) -> "MetricsServer":
    from adapters.host.metrics import MetricsServer  # noqa: PLC0415 - its library is an extra

    return MetricsServer(endpoint)


def _pause_switch(line: Line) -> ClenchSwitch | None:
    seconds = line.config.gate.clench_switch_s
    return ClenchSwitch(line.bundle.facts, seconds) if seconds else None


def _open_sentences(stack: ExitStack, line: Line) -> "SentenceProcess":
    """Have a line's emissions read once more at word level, in a process of its own."""
    from emgtype.words.word_model import word_files  # noqa: PLC0415 - its library is an extra
    from emgtype.words.word_process import open_sentences  # noqa: PLC0415

    words = line.config.words
    sentences = stack.enter_context(open_sentences(words, word_files(line.bundle.folder, words)))
    line.tap_emissions(sentences.push)
    return sentences
