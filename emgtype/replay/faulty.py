"""Decode a signal with faults by the daemon's own loop, source, pipeline and status, in virtual time or paced."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.files.closing import Closing
from adapters.wire.publisher import Publisher
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon, Sink, Wearer
from emgtype.live.keeping import Tapped
from emgtype.live.member import Member
from emgtype.live.people import Person, gather
from emgtype.live.recent import Recent
from emgtype.recording.recorder import BackgroundRecording, Recording
from emgtype.replay._faulty_sinks import DISK, SUBSCRIBER, FaultyJournal, Reader, text_socket
from emgtype.replay.virtual_source import Feed, VirtualClock, virtual_source
from messages.errors import InputError
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
        self._worst: dict[str, float] = {}
        self._status: Mapping[str, Any] = {}
        self._pass_on = log
        (party,) = gather([config])
        (person,) = party.people
        person.bundle.facts.require(first.layout)
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
            self._member = self._serve(person, publisher, sinks, streams, numbered=numbered)
            self._daemon = Daemon(
                [(party.pipelines, [self._member.wearer])],
                stall=config.source.stall,
                heartbeat_every=config.publish.heartbeat,
                tell=self._tell,
                attend=self._attend,
                clock=self.clock,
                sleep=self.clock.sleep,
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

    def _serve(
        self, person: Person, publisher: Publisher, sinks: Sequence[Sink], streams: int, *, numbered: bool
    ) -> Member:
        layout, config = person.bundle.facts.layout, person.config
        source = virtual_source(self._feed, streams, layout, self.clock, config.source.backlog, numbered=numbered)
        recent, report = Recent(publisher), SignalReport(watch_for(config, None, layout), layout, self._tell)

        def beat() -> None:
            publisher.heartbeat()
            self._note()

        wearer = Wearer(
            Tapped(source, self._recording.append) if self._recording else source,
            person.pipeline,
            [publisher, recent, *sinks],
            beat,
            watch=report.push,
            silent=lambda: " and ".join(source.silent()),
        )
        return Member(
            person,
            source,
            wearer,
            recent,
            publisher.mark,
            report,
            recording=self._recording,
            overflows=lambda: publisher.overflows,
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
            self._worst,
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
            self._note()
            self._status = self._member.status()
            self._daemon.stop()

    def _note(self) -> None:
        """What the status says now."""
        for sentence in self._member.news():
            self._tell(sentence)
        for name, figure in self._member.figures().items():
            values = figure if isinstance(figure, list) else [figure]
            numbers = [abs(value) for value in values if isinstance(value, int | float)]
            self._worst[name] = max([self._worst.get(name, 0.0), *numbers])

    def _tell(self, sentence: str) -> None:
        self._said.append((self.clock() - self._start, sentence))
        self._pass_on(sentence)
