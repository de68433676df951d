"""Packets of faulty streams, read by the daemon's own source in virtual time: as fast as the machine can."""

import time
from collections import deque
from collections.abc import Iterator

import numpy as np

from adapters.lsl.channels import MODULUS
from adapters.lsl.discover import StreamSummary
from adapters.lsl.source import LSLSource, SourceOptions
from messages.signal import Layout
from simulator.delivery_faults import Packet
from streamer.arrival.intake import Delivery
from streamer.arrival.stamp_shift import StampShift


class VirtualClock:
    """A clock that runs on when somebody waits.

    Args:
        start: The time at first, in s.
        paced: Whether waiting takes as long as it says, instead of no time at all.
    """

    def __init__(self, start: float, *, paced: bool) -> None:
        self._now = start
        self._offset = start - time.monotonic() if paced else None

    def __call__(self) -> float:
        """Return the time now, in s."""
        return self._now if self._offset is None else time.monotonic() + self._offset

    def wait(self, until: float) -> None:
        """Let the time pass until then (s)."""
        if self._offset is None:
            self._now = max(self._now, until)
        elif (seconds := until - self()) > 0:
            time.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        self.wait(self() + seconds)


class Feed:
    """Packets of several streams, handed to the inlet of each stream."""

    def __init__(self, packets: Iterator[Packet], streams: int) -> None:
        self._packets = packets
        self._queues: list[deque[Packet]] = [deque() for _ in range(streams)]
        self._ended = False

    def head(self, stream: int) -> Packet | None:
        """Return the next packet of a stream, which stays; None at the end of the stream."""
        while not self._queues[stream] and not self._ended:
            self._more()
        return self._queues[stream][0] if self._queues[stream] else None

    def take(self, stream: int, now: float) -> list[Packet]:
        """Return the packets of a stream that have arrived by now (s)."""
        packets = []
        while (head := self.head(stream)) and head.arrives <= now:
            packets.append(self._queues[stream].popleft())
        return packets

    @property
    def over(self) -> bool:
        """Whether all packets have been handed out."""
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
    """One stream of a feed, in place of an `adapters.lsl.inlet.StreamInlet`."""

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
        """Seconds added to the stamps, since they are not of the virtual clock."""
        return self._shift.seconds

    def pull(self, timeout: float) -> Delivery | None:
        """Return all samples that have arrived, once there is one packet; None after `timeout` s without any."""
        head = self._feed.head(self._number)
        end = self._clock() + timeout
        self._clock.wait(end if head is None else min(end, head.arrives))
        packets = self._feed.take(self._number, self._clock())
        if not packets:
            return None
        arrived = self._clock()
        stamps = self._shift.push(np.concatenate([packet.stamps for packet in packets]), arrived, drained=True)
        numbers = np.concatenate([packet.numbers for packet in packets]) % MODULUS if self.numbered else None
        return Delivery(np.concatenate([packet.samples for packet in packets]), stamps, numbers, arrived)

    def flush(self) -> int:
        """Drop all samples that have arrived; return how many."""
        return sum(len(packet.times) for packet in self._feed.take(self._number, self._clock()))

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def virtual_source(
    feed: Feed, streams: int, layout: Layout, clock: VirtualClock, stale: float, *, numbered: bool
) -> LSLSource:
    """Return a source of a feed's streams, as the daemon has one of live streams.

    Args:
        feed: Feed of the packets.
        streams: 1 for all bands together, or one for each band.
        layout: Layout of the samples.
        clock: Clock on which the packets arrive.
        stale: Seconds: samples that are older when they come are dropped.
        numbered: Whether the streams number their samples.
    """
    sides = [layout.sides] if streams == 1 else [(side,) for side in layout.sides]
    inlets = {
        "-".join(carried): VirtualInlet(feed, stream, clock, layout, carried, numbered=numbered)
        for stream, carried in enumerate(sides)
    }
    options = SourceOptions(stale, withhold=True, reconnects=False)
    return LSLSource(inlets, layout, options, clock=clock, sleep=clock.sleep)
