"""Faults of the delivery: chunks in, the packets of each stream out, as a bad device or radio sends them.

Which faults a packet has depends on its number and its time alone, so the packets do not depend on how the input was
cut.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from messages.errors import InputError
from messages.signal import F32, F64, Chunk, Layout, joined
from simulator import faults as signal_faults
from simulator.fault_plan import SimulatedFault

PACKET = 32
"""Samples of a packet: 16 ms, as a radio sends them."""
LATENCY = 0.005
"""Seconds that every packet is on its way."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Samples that one stream sends together."""

    stream: int
    samples: F32
    """(T, channels); T is 0 where the stream closes until its next packet."""
    times: F64
    """(T,) times when the samples were taken, in s."""
    stamps: F64
    """(T,) time stamps of the device, in s."""
    numbers: npt.NDArray[np.int64]
    """(T,) sample numbers of the device."""
    arrives: float
    """Time of arrival on the clock of `times`, in s."""


class FaultyDelivery:
    """Chunks of a signal in; the packets of each stream out, in the order of their arrival.

    Args:
        layout: Layout of the chunks.
        faults: Faults of signal and delivery; those of sinks are left to the sinks.
        streams: 1 for all bands together, or one for each band.
        start: Time of the first sample in s; the faults' times count from it.

    Raises:
        InputError: A fault of one band's delivery where there is a single stream.
    """

    def __init__(self, layout: Layout, faults: Sequence[SimulatedFault], streams: int, start: float) -> None:
        self._layout = layout
        self._signal = [fault for fault in faults if fault.where == "signal"]
        self._delivery = [fault for fault in faults if fault.where == "delivery"]
        for fault in self._delivery:
            if streams == 1 and fault.band is not None:
                raise InputError(f"{fault.kind} of one band needs a stream for each: play two streams, or name no band")
        self._streams = streams
        self._start = start
        self._packets = 0
        self._waiting: Chunk | None = None
        # Arrival of the newest packet of each stream: the next one does not overtake it.
        self._sent = [0.0] * streams
        self._order = 0
        self._heap: list[tuple[float, int, Packet]] = []
        # Number of the next sample of each device.
        self._counts = [0] * streams
        self._closed = [False] * streams
        self.lost = 0
        """Samples that were taken and are never sent, summed over the streams."""

    def push(self, chunk: Chunk) -> list[Packet]:
        """Take the next samples in; return the packets that no packet of later samples can precede."""
        waiting = chunk if self._waiting is None else joined([self._waiting, chunk]) or chunk
        whole = len(waiting.times) // PACKET * PACKET
        for first in range(0, whole, PACKET):
            self._take(_part(waiting, first, first + PACKET))
        self._waiting = _part(waiting, whole, len(waiting.times))
        return self._due(float(waiting.times[whole - 1]) if whole else -np.inf)

    def finish(self) -> list[Packet]:
        """Return the packets that are still on their way at the end of the signal."""
        if self._waiting is not None and len(self._waiting.times):
            self._take(self._waiting)
            self._waiting = None
        return self._due(np.inf)

    def _due(self, until: float) -> list[Packet]:
        """Return the packets that arrive until a time (s)."""
        packets = []
        while self._heap and self._heap[0][0] <= until:
            packets.append(heapq.heappop(self._heap)[2])
        return packets

    def _take(self, chunk: Chunk) -> None:
        """Send one packet's worth of samples."""
        chunk = _spoil(chunk, self._signal, self._start)
        for stream in range(self._streams):
            rows = chunk.samples if self._streams == 1 else chunk.samples[:, stream]
            samples = np.ascontiguousarray(rows.reshape(len(chunk.times), -1))
            self._send(stream, samples, chunk.times)
        self._packets += 1

    def _send(self, stream: int, samples: F32, times: F64) -> None:
        """Send one packet (T, channels) of a stream as often and as late as its faults say."""
        since = float(times[0]) - self._start
        numbers = self._counts[stream] + np.arange(len(times))
        packet = Packet(stream, samples, times, times, numbers, float(times[-1]) + LATENCY)
        copies, is_overtaken = 1, False
        for index, fault in enumerate(self._delivery):
            if not fault.is_active(stream, self._streams, since):
                continue
            if fault.kind == "disconnect":
                self._disconnect(stream, packet)
                return
            rng = np.random.default_rng([index, stream, self._packets])
            if _lost(fault, since, rng):
                copies = 0
            elif fault.kind == "duplicate":
                copies += bool(rng.random() < fault.value)
            elif fault.kind == "reorder":
                is_overtaken = bool(rng.random() < fault.value)
            else:
                packet = _late(packet, fault, since, rng, self._start)
        self._counts[stream] += len(times)
        self._closed[stream] = False
        if not copies:
            self.lost += len(times)
            return
        self._sent[stream] = arrives = max(packet.arrives, self._sent[stream])
        if is_overtaken:
            # The packet arrives behind the next one, but does not hold that one back.
            arrives += 1.5 * PACKET / self._layout.rate
        for _ in range(copies):
            self._queue(replace(packet, arrives=arrives))

    def _disconnect(self, stream: int, packet: Packet) -> None:
        """Lose a packet, and send an empty one where the stream closes."""
        self.lost += len(packet.times)
        if not self._closed[stream]:
            self._closed[stream] = True
            nothing = {name: getattr(packet, name)[:0] for name in ("samples", "times", "stamps", "numbers")}
            self._queue(replace(packet, arrives=max(packet.arrives, self._sent[stream]), **nothing))
        # A device that comes back counts anew.
        self._counts[stream] = 0

    def _queue(self, packet: Packet) -> None:
        heapq.heappush(self._heap, (packet.arrives, self._order, packet))
        self._order += 1


def faulty_packets(chunks: Iterable[Chunk], delivery: FaultyDelivery) -> Iterator[Packet]:
    """Yield all packets of a signal, in the order of their arrival."""
    for chunk in chunks:
        yield from delivery.push(chunk)
    yield from delivery.finish()


def _lost(fault: SimulatedFault, since: float, rng: np.random.Generator) -> bool:
    """Return whether a packet that is sent `since` s after the first one is lost."""
    if fault.kind == "bursts":
        return (since - fault.start) % 1.0 < fault.value
    return fault.kind == "band" or (fault.kind == "loss" and bool(rng.random() < fault.value))


def _late(packet: Packet, fault: SimulatedFault, since: float, rng: np.random.Generator, start: float) -> Packet:
    """Return the packet stamped or sent at another time."""
    stamped = delivered = 0.0
    if fault.kind == "jitter":
        stamped, delivered = rng.uniform(0, fault.value, 2)
    elif fault.kind == "jump":
        stamped = fault.value
    elif fault.kind == "skew":
        delivered = fault.value
    elif fault.kind == "stall":
        delivered = max(0.0, start + fault.end - float(packet.times[-1]))
    stamps = packet.stamps + stamped
    if fault.kind == "drift":
        stamps = stamps + 1e-6 * fault.value * (packet.times - start - fault.start)
    return replace(packet, stamps=stamps, arrives=packet.arrives + delivered)


def _spoil(chunk: Chunk, faults: Sequence[SimulatedFault], start: float) -> Chunk:
    """Return a chunk with the faults of the signal."""
    for fault in faults:
        inside = (chunk.times - start >= fault.start) & (chunk.times - start < fault.end)
        if not inside.any():
            continue
        bands = range(chunk.layout.bands) if fault.band is None else [fault.band]
        worse = chunk
        electrodes = range(chunk.layout.electrodes)
        for band in bands:
            if fault.kind == "nan":
                for electrode in electrodes[: round(fault.value)]:
                    worse = signal_faults.not_finite(worse, band, electrode)
            elif fault.kind == "saturation":
                worse = signal_faults.saturated(worse, fault.value, band, electrodes)
            elif fault.kind == "dead":
                worse = signal_faults.dead(worse, band, electrodes[: round(fault.value)])
        if fault.kind == "hum":
            worse = signal_faults.hum(worse, fault.value, bands=bands)
        chunk = replace(chunk, samples=np.where(inside[:, None, None], worse.samples, chunk.samples))
    return chunk


def _part(chunk: Chunk, start: int, end: int) -> Chunk:
    return Chunk(chunk.samples[start:end], chunk.times[start:end], chunk.layout)
