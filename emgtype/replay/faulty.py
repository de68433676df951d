"""A signal with faults through the daemon: its own loop, source, pipeline and status, in virtual time or paced."""

import errno
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.files.closing import Closing
from adapters.sessions.journal import SessionJournal
from adapters.wire.format import TextMessage
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import Subscriber
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon, Sink, Wearer
from emgtype.live.keeping import Tapped
from emgtype.live.member import Member
from emgtype.live.people import Person, gather
from emgtype.live.recent import Recent
from emgtype.recording.recorder import NO_KEYBOARD, BackgroundRecording, Recording
from emgtype.replay.virtual_source import Feed, VirtualClock, virtual_source
from messages.errors import InputError
from messages.signal import Chunk
from simulator.delivery_faults import FaultyDelivery, faulty_packets
from simulator.fault_plan import Fault

DISK = ("slow-disk", "full-disk")
"""Faults for which a recording is made."""
SUBSCRIBER = "slow-subscriber"
_ON_THE_WAY = 4096  # bytes that the kernel keeps for a subscriber, and as many for the publisher, or as few as it can
_PATIENCE = 5.0  # seconds until a subscriber hears something
_QUIET = 0.3  # seconds after which nothing more comes to it


@dataclass(frozen=True, slots=True)
class Faulty:
    """What came of it."""

    status: Mapping[str, Any]
    """Of the daemon, when the last samples have come."""
    worst: Mapping[str, float]
    """The largest of each figure of the signal that the status told, of the stream with the most."""
    said: tuple[tuple[float, str], ...]
    """Sentences, with the seconds since the first sample."""
    lost: int
    """Samples that the faults kept from being sent, each stream's by itself."""
    compute: float
    """Seconds that it took."""
    messages: int | None = None
    """Of the text that a slow subscriber got; None: there was none."""
    missed: int | None = None
    """Of all kinds that it did not get, as their numbers tell it."""
    recorded: int | None = None
    """Samples in the session file; None: nothing was recorded."""


class FaultyJournal(SessionJournal):
    """A session file on a disk that is slow, or full, at times."""

    def __init__(self, path: Path, user: str, faults: Sequence[Fault], start: float) -> None:
        super().__init__(path, user, NO_KEYBOARD)
        self._faults = [fault for fault in faults if fault.kind in DISK]
        self._start = start
        self._now = start
        self._passed = threading.Condition()

    def append(self, chunk: Chunk) -> None:
        """As a session's; waits, or fails, while a fault says so."""
        since = float(chunk.times[-1]) - self._start
        for fault in self._faults:
            if not fault.start <= since < fault.end:
                continue
            if fault.kind == "full-disk":
                raise self._refusal(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            self._wait(self._start + fault.end)
        super().append(chunk)

    def _wait(self, end: float) -> None:
        with self._passed:
            self._passed.wait_for(lambda: self._now >= end)

    def pass_time(self, now: float) -> None:
        """It is so late now (s); nobody waits for what is before."""
        with self._passed:
            self._now = max(self._now, now)
            self._passed.notify_all()


class Reader(Closing):
    """A subscriber that reads nothing while a fault says so. Use it in a `with`."""

    def __init__(self, publisher: Publisher, faults: Sequence[Fault]) -> None:
        self.messages = 0
        """Of text, that came."""
        self._faults = [fault for fault in faults if fault.kind == SUBSCRIBER]
        # What it does not read waits at the publisher, not on the way.
        self._subscriber = Subscriber(publisher.endpoint, rcvhwm=1, rcvbuf=_ON_THE_WAY)
        end = time.monotonic() + _PATIENCE
        while self._subscriber.receive(0.01) is None and time.monotonic() < end:
            publisher.heartbeat()

    @property
    def missed(self) -> int:
        """Messages that never came, as their numbers tell it."""
        return self._subscriber.lost

    def read(self, since: float, patience: float = 0.0) -> None:
        """What has come by now, `since` s after the first sample; waits so long for each."""
        if any(fault.start <= since < fault.end for fault in self._faults):
            return
        while message := self._subscriber.receive(patience):
            self.messages += message.KIND == TextMessage.KIND

    def close(self) -> None:
        """Leave."""
        self._subscriber.close()


def _socket(folder: Path, faults: Sequence[Fault]) -> PubSocket:
    """Where the text goes; for a slow subscriber over TCP, of which the kernel keeps no more than it is told to."""
    kept = [round(fault.value) for fault in faults if fault.kind == SUBSCRIBER]
    if not kept:
        return PubSocket(f"ipc://{folder}/text")
    return PubSocket("tcp://127.0.0.1:0", kept=min(kept), sndbuf=_ON_THE_WAY)


class FaultyRun(Closing):
    """One person's daemon, fed with faults. Use it in a `with`.

    Args:
        chunks: The signal, at least one sample.
        faults: What befalls it.
        config: Of the daemon.
        sinks: Get the text.
        tell: Gets what the daemon says.
        streams: 1, or one for each band.
        numbered: Whether the streams count their samples.
        paced: Whether it takes as long as the signal; else it goes as fast as possible.

    Raises:
        InputError: No samples, a model that does not fit, or a fault that does not.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        faults: Sequence[Fault],
        config: Config,
        sinks: Sequence[Sink] = (),
        tell: Callable[[str], None] = lambda _sentence: None,
        *,
        streams: int,
        numbered: bool = True,
        paced: bool = False,
    ) -> None:
        signal = iter(chunks)
        first = next(signal, None)
        if first is None:
            raise InputError("the session holds no samples: nothing to decode")
        self._start = float(first.times[0])
        self._said: list[tuple[float, str]] = []
        self._worst: dict[str, float] = {}
        self._status: Mapping[str, Any] = {}
        self._pass_on = tell
        (party,) = gather([config])
        (person,) = party.people
        person.bundle.facts.require(first.layout)
        self._delivery = FaultyDelivery(first.layout, faults, streams, self._start)
        self.clock = VirtualClock(self._start, paced=paced)
        """Of the daemon."""
        self._feed = Feed(faulty_packets(chain([first], signal), self._delivery), streams)
        self._recording: BackgroundRecording | None = None
        self._reader: Reader | None = None
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="emgtype-faults-")))
            socket = stack.enter_context(_socket(folder, faults))
            if socket.note:
                tell(f"note: {socket.note}")
            publisher = Publisher(socket, config.session, config.person)
            self._keep(stack, faults, folder, publisher)
            self._member = self._serve(person, publisher, sinks, streams, numbered=numbered)
            self._daemon = Daemon(
                [(party.pipelines, [self._member.wearer])],
                stall=config.source.stall_s,
                heartbeat_every=config.publish.heartbeat_s,
                tell=self._tell,
                attend=self._attend,
                clock=self.clock,
                sleep=self.clock.sleep,
            )
            self._stack = stack.pop_all()

    def _keep(self, stack: ExitStack, faults: Sequence[Fault], folder: Path, publisher: Publisher) -> None:
        """Those whom the faults of sinks befall."""
        kinds = {fault.kind for fault in faults}
        if SUBSCRIBER in kinds:
            self._reader = stack.enter_context(Reader(publisher, faults))
        if kinds & {*DISK}:
            self._journal = FaultyJournal(folder / "recorded.hdf5", "me", faults, self._start)
            self._recording = stack.enter_context(BackgroundRecording(Recording(self._journal, 0.0), self._tell))
            stack.callback(self._journal.pass_time, math.inf)  # before the recording waits for its writer

    def _serve(
        self, person: Person, publisher: Publisher, sinks: Sequence[Sink], streams: int, *, numbered: bool
    ) -> Member:
        layout, config = person.bundle.facts.layout, person.config
        source = virtual_source(self._feed, streams, layout, self.clock, config.source.backlog_s, numbered=numbered)
        recent, report = Recent(publisher), SignalReport(watch_for(config, None, layout), layout, self._tell)

        def beat() -> None:
            publisher.heartbeat()
            self._note()

        wearer = Wearer(
            Tapped(source, self._recording.push) if self._recording else source,
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

    def run(self) -> Faulty:
        """To the end of the signal.

        Raises:
            InputError: The daemon ends, since nobody is left whose samples can be decoded.
        """
        began = time.perf_counter()
        self._daemon.run()
        took = time.perf_counter() - began
        if self._reader:
            self._reader.read(math.inf, _QUIET)
        if self._recording:
            self._journal.pass_time(math.inf)
            self._recording.close()
        return Faulty(
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
        """Give everything back."""
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
