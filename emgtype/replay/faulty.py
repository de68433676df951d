"""Decode a signal with faults by the daemon's own loop, source, pipeline and status, in virtual time or paced."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.files.closing import Closing
from adapters.wire.publisher import Publisher
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon
from emgtype.live.line import Line, Sink
from emgtype.live.load import load_lines
from emgtype.live.notices import Notices
from emgtype.live.outputs import Outputs
from emgtype.live.recent import Recent
from emgtype.live.wearer import Wearer
from emgtype.recording.recorder import BackgroundRecording, Recording
from emgtype.replay._faulty_sinks import DISK, SUBSCRIBER, FaultyJournal, Reader, text_socket
from emgtype.replay.virtual_source import Feed, VirtualClock, virtual_source
from messages.errors import InputError
from messages.notice import sentence
from messages.signal import Chunk
from simulator.delivery_faults import FaultyDelivery, faulty_packets
from simulator.fault_plan import SimulatedFault

_QUIET_S = 0.3
"""Seconds without a message after which a subscriber has got them all."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How the signal reaches the daemon."""

    streams: int
    """1 for all bands together, or one for each band."""
    numbered: bool = True
    """Whether the streams number their samples."""
    paced: bool = False
    """Whether the run takes as long as the signal; else it goes as fast as possible."""


@dataclass(frozen=True, slots=True)
class FaultyResult:
    """Result of a run; the fields are the keys of the report in JSON."""

    status: Mapping[str, Any]
    """Status of the daemon after the last samples."""
    worst: Mapping[str, float]
    """Largest value of each figure in the status during the run, of the stream with the most."""
    said: tuple[tuple[float, str], ...]
    """Messages of the daemon, each with its time in seconds since the first sample."""
    lost: int
    """Samples that were never sent because of the faults, summed over the streams."""
    compute: float
    """Seconds that the run took."""
    messages: int | None = None
    """Messages of text that the slow subscriber got; None: there was no subscriber."""
    missed: int | None = None
    """Messages of all kinds that the slow subscriber missed, as their numbers show."""
    recorded: int | None = None
    """Samples in the session file; None: nothing was recorded."""


@dataclass(slots=True, eq=False)
class _FaultyOutputs(Outputs):
    """Outputs that also keep the largest figures; nobody subscribes to their status."""

    worst: dict[str, float] = field(default_factory=dict)
    """Largest absolute value of each figure so far, of the stream with the most."""

    def heartbeat(self, wearer: Wearer) -> None:
        """Publish that the daemon lives, and note the figures."""
        self.publisher.heartbeat()
        self.note_figures(wearer)

    def note_figures(self, wearer: Wearer) -> None:
        """Log what has changed, and keep the largest figures."""
        self.log_changes(wearer)
        for name, figure in self.figures(wearer).items():
            values = figure if isinstance(figure, list) else [figure]
            numbers = [abs(value) for value in values if isinstance(value, int | float)]
            self.worst[name] = max([self.worst.get(name, 0.0), *numbers])


class FaultyRun(Closing):
    """A daemon for one person, fed with a faulty signal. Use it in a `with`.

    Args:
        chunks: The signal, at least one sample.
        faults: Faults of the signal, its delivery, the disk and the subscriber.
        config: Configuration of the daemon.
        options: How the signal reaches the daemon.
        sinks: Receive the text.
        log: Receives the messages of the daemon.

    Raises:
        InputError: No samples, or a model or a fault that does not fit them.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        faults: Sequence[SimulatedFault],
        config: Config,
        options: StreamOptions,
        sinks: Sequence[Sink] = (),
        log: Callable[[str], None] = lambda _message: None,
    ) -> None:
        streams, numbered = options.streams, options.numbered
        signal = iter(chunks)
        first = next(signal, None)
        if first is None:
            raise InputError("the session holds no samples: nothing to decode")
        self._start = float(first.times[0])
        self._said: list[tuple[float, str]] = []
        self._status: Mapping[str, Any] = {}
        self._pass_on = log
        (line,) = load_lines([config])
        line.bundle.facts.require(first.layout)
        self._delivery = FaultyDelivery(first.layout, faults, streams, self._start)
        self.clock = VirtualClock(self._start, paced=options.paced)
        """Virtual clock of the daemon."""
        self._feed = Feed(faulty_packets(chain([first], signal), self._delivery), streams)
        self._recording: BackgroundRecording | None = None
        self._reader: Reader | None = None
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="emgtype-faults-")))
            socket = stack.enter_context(text_socket(folder, faults))
            if socket.note:
                log(f"note: {socket.note}")
            publisher = Publisher(socket, config.session, config.person)
            self._keep(stack, faults, folder, publisher)
            self._outputs = self._build_outputs(line, publisher)
            line.sinks += [publisher, self._outputs.recent, *sinks]
            backlog = config.source.backlog_s
            source = virtual_source(self._feed, streams, first.layout, self.clock, backlog, numbered=numbered)
            self._wearer = Wearer(config.person, source, [line], self._outputs)
            self._daemon = Daemon(
                [self._wearer],
                stall=config.source.stall_s,
                heartbeat_every=config.publish.heartbeat_s,
                notify=lambda notice: self._tell(sentence(notice)),
                attend=self._attend,
                clock=self.clock,
            )
            self._stack = stack.pop_all()

    def _keep(self, stack: ExitStack, faults: Sequence[SimulatedFault], folder: Path, publisher: Publisher) -> None:
        """Make the sinks that have faults: a subscriber, a recording."""
        kinds = {fault.kind for fault in faults}
        if SUBSCRIBER in kinds:
            self._reader = stack.enter_context(Reader(publisher, faults))
        if kinds & {*DISK}:
            self._journal = FaultyJournal(folder / "recorded.hdf5", "me", faults, self._start)
            self._recording = stack.enter_context(BackgroundRecording(Recording(self._journal, 0.0), self._tell))
            # This runs before the recording waits for its writer.
            stack.callback(self._journal.pass_time, math.inf)

    def _build_outputs(self, line: Line, publisher: Publisher) -> _FaultyOutputs:
        layout = line.bundle.facts.layout
        return _FaultyOutputs(
            publisher,
            Recent(publisher),
            SignalReport(watch_for(line.config, None, layout), layout, self._tell),
            Notices(line.name),
            self._tell,
            recording=self._recording,
        )

    def run(self) -> FaultyResult:
        """Decode to the end of the signal.

        Raises:
            InputError: The daemon ends, since no wearer is left whose samples can be decoded.
        """
        began = time.perf_counter()
        self._daemon.run()
        took = time.perf_counter() - began
        if self._reader:
            self._reader.read(math.inf, _QUIET_S)
        if self._recording:
            self._journal.pass_time(math.inf)
            self._recording.close()
        return FaultyResult(
            self._status,
            self._outputs.worst,
            tuple(self._said),
            self._delivery.lost,
            took,
            self._reader.messages if self._reader else None,
            self._reader.missed if self._reader else None,
            self._recording.recording.samples if self._recording else None,
        )

    def close(self) -> None:
        """Close the sockets and files, and delete the folder."""
        self._stack.close()

    def _attend(self) -> None:
        now = self.clock()
        if self._recording:
            self._journal.pass_time(now)
        if self._reader:
            self._reader.read(now - self._start)
        if self._feed.over:
            self._outputs.note_figures(self._wearer)
            self._status = self._outputs.status(self._wearer)
            self._daemon.stop()

    def _tell(self, message: str) -> None:
        self._said.append((self.clock() - self._start, message))
        self._pass_on(message)
