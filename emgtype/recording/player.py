"""Plays a session as LSL streams, at the pace of its time stamps, with faults where they are asked for."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import chain

from pylsl import local_clock

from adapters.files.closing import Closing
from adapters.lsl.outlet import LSLOutlet
from messages.errors import InputError
from messages.signal import Chunk, Layout
from simulator.delivery_faults import LATENCY, FaultyDelivery, Packet, faulty_packets
from simulator.fault_plan import SimulatedFault


class Device(Closing):
    """One stream that may close and open anew. Use it in a `with`."""

    def __init__(self, name: str, layout: Layout, band: int | None, *, sample_numbers: bool) -> None:
        self.name = name
        self._layout = layout
        self._band = band
        self._sample_numbers = sample_numbers
        self._outlet: LSLOutlet | None = self._open()

    def _open(self) -> LSLOutlet:
        source = f"emgtype-{self.name}"
        return LSLOutlet(
            self.name, self._layout, source_id=source, sample_numbers=self._sample_numbers, band=self._band
        )

    def wait_for_consumers(self, timeout: float) -> bool:
        """Whether somebody listens within `timeout` s."""
        return self._outlet is not None and self._outlet.wait_for_consumers(timeout)

    def send(self, packet: Packet, offset: float) -> None:
        """Send a packet, `offset` s added to its stamps; one without samples closes the stream."""
        if not len(packet.times):
            self.close()
            return
        self._outlet = self._outlet or self._open()
        self._outlet.send(packet.samples, packet.stamps + offset, packet.numbers)

    def close(self) -> None:
        """End the stream."""
        if self._outlet:
            self._outlet.close()
        self._outlet = None


def play(
    chunks: Iterable[Chunk],
    names: Sequence[str],
    *,
    sample_numbers: bool,
    wait: float,
    tell: Callable[[str], None],
    faults: Sequence[SimulatedFault] = (),
) -> float:
    """Play chunks as one stream with both bands, or as one stream per band.

    Args:
        chunks: What to play.
        names: One name, or one per band.
        sample_numbers: Whether a channel counts the samples.
        wait: Seconds to wait for a listener before the first sample.
        tell: Gets "playing NAMES, LSL time = session time + SECONDS" when it begins.
        faults: That befall the signal and its delivery.

    Returns:
        Seconds to add to the session's times to get those of the LSL clock.
    """
    stream = iter(chunks)
    first = next(stream, None)
    if first is None:
        raise InputError("the session holds no samples: nothing to play")
    delivery = FaultyDelivery(first.layout, faults, len(names), float(first.times[0]))
    with ExitStack() as stack:
        bands: Sequence[int | None] = [None] if len(names) == 1 else range(first.layout.bands)
        devices = [
            stack.enter_context(Device(name, first.layout, band, sample_numbers=sample_numbers))
            for name, band in zip(names, bands, strict=True)
        ]
        if wait:
            tell(f"waiting for somebody to listen to {' and '.join(names)}")
        if wait and not all(device.wait_for_consumers(wait) for device in devices):
            raise InputError(f"nobody listened to {' and '.join(names)} within {wait:g} s: start `emgtype serve` first")
        offset = float(local_clock()) - float(first.times[0])
        tell(f"playing {' and '.join(names)}, LSL time = session time + {offset:.6f}")
        for packet in faulty_packets(chain([first], stream), delivery):
            # The way that a packet takes is real here.
            if (early := packet.arrives - LATENCY + offset - float(local_clock())) > 0:
                time.sleep(early)
            devices[packet.stream].send(packet, offset)
    return offset
