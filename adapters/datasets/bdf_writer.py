"""Writes BDF, the 24-bit relative of EDF (Kemp et al. 1992; BioSemi), as samples come, in little memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from adapters.files.closing import Closing
from messages.signal import F64

DIGITAL_MAX = 2**23 - 1
"""Largest digital value; the range is symmetric, so that zero stays zero."""
_WIDTH = 8
"""Number of ASCII characters of a number in the header."""
_DECIMALS = 5
"""Number of decimals that fit: "-0.00001" has eight characters."""
_RECORDS_AT = 236
"""Offset of the number of records in the header."""


@dataclass(frozen=True, slots=True)
class BdfChannel:
    """One signal."""

    name: str
    """Label of the signal."""
    unit: str
    """Unit by its name in BDF: "uV", "s"."""
    physical_max: float
    """Largest magnitude that can be written; made by `physical_max`."""
    prefilter: str = ""
    """Filters of the device."""
    transducer: str = ""
    """Kind of the electrodes."""

    @property
    def step(self) -> float:
        """Size of one digital unit, in the channel's unit."""
        return self.physical_max / DIGITAL_MAX


def physical_max(magnitude: float) -> float:
    """Return the smallest range that holds a magnitude and that the header's eight characters can state."""
    decimals = min(_DECIMALS, max(0, _WIDTH - 2 - len(str(int(magnitude)))))
    scale = 10.0**decimals
    return max(math.ceil(magnitude * scale), 1) / scale


class BdfWriter(Closing):
    """A new BDF file that grows by whole records of a second. Use it in a `with`.

    Args:
        path: The new file.
        channels: The signals, all at one rate.
        rate: Number of samples a second.
        start: Unix seconds of the first sample; the header keeps whole seconds.

    Raises:
        OSError: The file exists, or cannot be made.
    """

    def __init__(self, path: Path, channels: Sequence[BdfChannel], rate: int, start: float) -> None:
        self._rate = rate
        self._records = 0
        self._rest: F64 = np.zeros((0, len(channels)))
        self._steps = np.array([channel.step for channel in channels])
        self._file = path.open("xb")
        self._file.write(_header(channels, rate, start))

    def append(self, values: F64) -> None:
        """Add samples (T, channels) in the channels' units."""
        values = np.concatenate([self._rest, values])
        whole = len(values) // self._rate * self._rate
        self._write(values[:whole])
        self._rest = values[whole:]

    def close(self) -> None:
        """Fill the last record by holding the last sample, and state the number of records."""
        if self._file.closed:
            return
        try:
            if len(self._rest):
                self._write(np.pad(self._rest, ((0, self._rate - len(self._rest)), (0, 0)), mode="edge"))
            self._file.seek(_RECORDS_AT)
            self._file.write(_text(str(self._records), 8))
        finally:
            self._file.close()

    def _write(self, values: F64) -> None:
        digital = np.clip(np.rint(values / self._steps), -DIGITAL_MAX, DIGITAL_MAX).astype("<i4")
        # (records, channels, T)
        records = digital.reshape(-1, self._rate, len(self._steps)).transpose(0, 2, 1)
        octets = np.ascontiguousarray(records).view(np.uint8).reshape(-1, 4)
        # Little-endian: the fourth byte of each value holds the sign alone.
        self._file.write(octets[:, :3].tobytes())
        self._records += len(records)


def _header(channels: Sequence[BdfChannel], rate: int, start: float) -> bytes:
    day = datetime.fromtimestamp(start, UTC)
    head = [
        b"\xffBIOSEMI",
        _text("", 80),
        _text("", 80),
        _text(day.strftime("%d.%m.%y"), 8),
        _text(day.strftime("%H.%M.%S"), 8),
        _text(str(256 * (1 + len(channels))), 8),
        _text("24BIT", 44),
        _text("-1", 8),
        _text("1", 8),
        _text(str(len(channels)), 4),
    ]
    columns: list[tuple[int, list[str]]] = [
        (16, [channel.name for channel in channels]),
        (80, [channel.transducer for channel in channels]),
        (8, [channel.unit for channel in channels]),
        (8, [_number(-channel.physical_max) for channel in channels]),
        (8, [_number(channel.physical_max) for channel in channels]),
        (8, [str(-DIGITAL_MAX)] * len(channels)),
        (8, [str(DIGITAL_MAX)] * len(channels)),
        (80, [channel.prefilter for channel in channels]),
        (8, [str(rate)] * len(channels)),
        (32, [""] * len(channels)),
    ]
    return b"".join(head) + b"".join(_text(text, width) for width, texts in columns for text in texts)


def _number(value: float) -> str:
    # `physical_max` made sure that only zeros are cut off.
    return f"{value:.{_DECIMALS}f}"[:_WIDTH].rstrip(".")


def _text(text: str, width: int) -> bytes:
    if len(text) > width:
        raise ValueError(f"{text!r} is longer than the {width} characters that BDF has for it")
    return text.ljust(width).encode("ascii")
