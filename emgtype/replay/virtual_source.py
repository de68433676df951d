"""Packets of faulty streams through the daemon's own source, in a time that passes as fast as it is worked off."""

import time
from collections import deque
from collections.abc import Iterator
from itertools import chain

import numpy as np

from adapters.lsl.channels import NUMBERS
from adapters.lsl.discover import StreamSummary
from adapters.lsl.source import LSLSource
from messages.signal import Layout
from simulator.delivery_faults import Packet
from streamer.arrival.intake import Delivery
from streamer.arrival.stamp_shift import StampShift


class VirtualClock:
    """Seconds that pass when somebody waits.

    Args:
        start: What it shows at first.
        paced: Whether waiting takes as long as it says.
    """

    def __init__(self, start: float, *, paced: bool) -> None:
        self._now = start
        self._offset = start - time.monotonic() if paced else None

    def __call__(self) -> float:
        """Now."""
        return self._now if self._offset is None else time.monotonic() + self._offset

    def wait(self, until: float) -> None:
        """Pass the time until then."""
        if self._offset is None:
            self._now = max(self._now, until)
        elif (seconds := until - self()) > 0:
            time.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Pass so much of it."""
        self.wait(self() + seconds)


class Feed:
    """Packets of several streams, handed to the inlets of each."""

    def __init__(self, packets: Iterator[Packet], streams: int) -> None:
        self._packets = packets
        self._queues: list[deque[Packet]] = [deque() for _ in range(streams)]
        self._ended = False

    def head(self, stream: int) -> Packet | None:
        """The next packet of a stream, which stays; None: there is none any more."""
        while not self._queues[stream] and not self._ended:
            self._more()
        return self._queues[stream][0] if self._queues[stream] else None

    def take(self, stream: int, now: float) -> list[Packet]:
        """What has arrived of a stream."""
        found = []
        while (head := self.head(stream)) and head.arrives <= now:
            found.append(self._queues[stream].popleft())
        return found

    @property
    def over(self) -> bool:
        """Whether all has been handed out."""
        while not self._ended and not any(self._queues):
            self._more()
        return self._ended and not any(self._queues)

    def _more(self) -> None:
        packet = next(self._packets, None)
        if packet is None:
            self._ended = True
        elif len(packet.times):
            self._queues[packet.stream].append(packet)


class VirtualInlet:
    """One stream of a feed, as `adapters.lsl.inlet.StreamInlet` gives it."""

    uid = ""
    notes: tuple[str, ...] = ()

    def __init__(
        self, feed: Feed, stream: int, clock: VirtualClock, layout: Layout, sides: tuple[str, ...], *, numbered: bool
    ) -> None:
        self.sides = sides
        self.numbered = numbered
        channels = len(sides) * layout.electrodes
        self.stream = StreamSummary("-".join(sides), "EMG", channels, layout.rate, "float32", "", "here")
        self._feed = feed
        self._number = stream
        self._clock = clock
        self._shift = StampShift()

    @property
    def shift(self) -> float:
        """Seconds added to the stamps."""
        return self._shift.seconds

    def pull(self, timeout: float) -> Delivery | None:
        """All that has arrived, once there is one packet; None after `timeout` s."""
        head = self._feed.head(self._number)
        end = self._clock() + timeout
        self._clock.wait(end if head is None else min(end, head.arrives))
        packets = self._feed.take(self._number, self._clock())
        if not packets:
            return None
        arrived = self._clock()
        stamps = self._shift.push(np.concatenate([packet.stamps for packet in packets]), arrived, drained=True)
        numbers = np.concatenate([packet.numbers for packet in packets]) % NUMBERS if self.numbered else None
        return Delivery(np.concatenate([packet.samples for packet in packets]), stamps, numbers, arrived)

    def flush(self) -> int:
        """Drop what has arrived; how many samples."""
        return sum(len(packet.times) for packet in self._feed.take(self._number, self._clock()))

    def close(self) -> None:
        """Nothing is to be given back."""


def virtual_source(
    feed: Feed, streams: int, layout: Layout, clock: VirtualClock, stale: float, *, numbered: bool
) -> LSLSource:
    """A feed's streams as the daemon sees live ones (stale as of `LSLSource`)."""
    sides = [layout.sides] if streams == 1 else [(side,) for side in layout.sides]
    inlets = [
        VirtualInlet(feed, stream, clock, layout, carried, numbered=numbered) for stream, carried in enumerate(sides)
    ]
    names = list(chain.from_iterable(sides)) if streams > 1 else ["-".join(layout.sides)]
    return LSLSource(names, inlets, layout, stale, withhold=True, clock=clock, comebacks=False)
