"""Play a session as LSL streams, at the pace of its time stamps, with simulated faults where they are requested."""

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
    """One LSL stream that may close and open again, as a wristband that leaves the radio's reach. Use it in a `with`.

    Args:
        name: Of the stream.
        layout: Of the samples.
        band: Band whose samples the stream carries; None: all of them.
        sample_numbers: Whether a channel counts the samples.
    """

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
        """Return whether somebody listens within `timeout` s."""
        return self._outlet is not None and self._outlet.wait_for_consumers(timeout)

    def send(self, packet: Packet, offset: float) -> None:
        """Send a packet with `offset` s added to its stamps; a packet without samples closes the stream."""
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
    log: Callable[[str], None],
    faults: Sequence[SimulatedFault] = (),
) -> float:
    """Play chunks as one stream with all bands, or as one stream per band.

    Args:
        chunks: Signal to play.
        names: Name of the one stream, or of each band's.
        sample_numbers: Whether a channel counts the samples.
        wait: Seconds to wait for a listener before the first sample; 0: do not wait.
        log: Gets "playing NAMES, LSL time = session time + SECONDS" at the beginning.
        faults: Faults of the signal and of its delivery.

    Returns:
        Seconds to add to the session's times to get those of the LSL clock.

    Raises:
        InputError: There are no samples, or nobody listens in time.
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
            _wait_for_listeners(devices, wait, log)
        offset = float(local_clock()) - float(first.times[0])
        log(f"playing {' and '.join(names)}, LSL time = session time + {offset:.6f}")
        for packet in faulty_packets(chain([first], stream), delivery):
            # The simulated delivery adds the latency of a radio; here the packet takes a real way.
            if (early := packet.arrives - LATENCY + offset - float(local_clock())) > 0:
                time.sleep(early)
            devices[packet.stream].send(packet, offset)
    return offset


def _wait_for_listeners(devices: Sequence[Device], timeout: float, log: Callable[[str], None]) -> None:
    names = " and ".join(device.name for device in devices)
    log(f"waiting for a program that listens to {names}")
    if not all(device.wait_for_consumers(timeout) for device in devices):
        raise InputError(f"nobody listened to {names} within {timeout:g} s: start `emgtype serve` first")
