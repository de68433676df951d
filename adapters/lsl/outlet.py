"""Samples out over LSL, as a wristband's driver would send them: one stream with all bands, or with one of them.

The description follows the XDF convention: desc/channels/channel with label, unit and type.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pylsl

from adapters.files.closing import Closing
from adapters.lsl.channels import MODULUS, SAMPLE_NUMBER
from messages.signal import F32, F64, Chunk, Layout

_BUFFER_S = 10
"""Seconds of samples kept for a consumer that does not keep up; beyond it the oldest are dropped."""
_UNITS = {"uV": "microvolts"}
"""Names of the layouts' units in the XDF convention."""


class LSLOutlet(Closing):
    """One LSL stream. Use it in a `with`.

    Args:
        name: The stream's name.
        layout: Layout of the chunks that will be pushed.
        source_id: Id by which consumers take the stream up again after a restart.
        sample_numbers: Whether to append a channel that numbers the samples modulo `MODULUS`.
        band: Index of the one band to send; None sends all.
    """

    def __init__(
        self, name: str, layout: Layout, source_id: str, *, sample_numbers: bool = False, band: int | None = None
    ) -> None:
        self.layout = layout
        self.samples = 0
        """Samples pushed so far."""
        self._band = band
        self._sample_numbers = sample_numbers
        sides = layout.sides if band is None else layout.sides[band : band + 1]
        labels = [f"{side}_{electrode}" for side in sides for electrode in range(layout.electrodes)]
        described = [(label, _UNITS.get(layout.unit, layout.unit), "EMG") for label in labels]
        described += [(SAMPLE_NUMBER, "count", "Counter")] * sample_numbers
        info = pylsl.StreamInfo(name, "EMG", len(described), layout.rate, pylsl.cf_float32, source_id)
        info.desc().append_child_value("manufacturer", "emgtype")
        info.desc().append_child_value("side", " and ".join(sides))
        channels = info.desc().append_child("channels")
        for label, unit, kind in described:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
            channel.append_child_value("type", kind)
        self._outlet: Any = pylsl.StreamOutlet(info, max_buffered=_BUFFER_S)

    def push(self, chunk: Chunk, offset: float = 0.0) -> None:
        """Send a chunk, stamped with its own times.

        Args:
            chunk: Samples in the outlet's layout.
            offset: Seconds to add to the times, to bring them to the LSL clock (`pylsl.local_clock`).
        """
        bands = chunk.samples if self._band is None else chunk.samples[:, self._band]
        rows = bands.reshape(len(chunk.times), -1)  # (T, bands, electrodes) → (T, channels)
        self.send(rows, chunk.times + offset, self.samples + np.arange(len(rows)))

    def send(self, rows: F32, stamps: F64, numbers: npt.NDArray[np.int64]) -> None:
        """Send samples as a device would that loses, repeats or misdates some.

        Args:
            rows: (T, channels) samples.
            stamps: (T,) seconds on the LSL clock.
            numbers: (T,) sample numbers, sent if the outlet sends any.
        """
        if self._sample_numbers:
            rows = np.column_stack([rows, (numbers % MODULUS).astype(np.float32)])
        self._outlet.push_chunk(rows, stamps.tolist())
        self.samples += len(rows)

    def have_consumers(self) -> bool:
        """Return whether someone receives this stream's data."""
        return bool(self._outlet.have_consumers())

    def wait_for_consumers(self, timeout: float) -> bool:
        """Return whether someone receives the data within `timeout` s, as soon as someone does."""
        return bool(self._outlet.wait_for_consumers(timeout))

    def close(self) -> None:
        """End the stream. Consumers see that it is gone, or wait for its source id to come back."""
        self._outlet = None
