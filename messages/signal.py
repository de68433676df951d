"""Samples and frames with their times, and the layout that says what a row of samples means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """The meaning of one row of samples. A bundle states the layout that it needs and refuses any other."""

    rate: float
    """Samples per second."""
    unit: str
    """Physical unit of the samples, e.g. "uV"."""
    sides: tuple[str, ...]
    """The bands in order, e.g. ("left", "right")."""
    electrodes: int
    """Electrodes per band, in ring order: the last is the neighbour of the first."""

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.sides)

    def __str__(self) -> str:
        return (
            f"{self.bands} × {self.electrodes} electrodes ({', '.join(self.sides)}) in {self.unit} at {self.rate:g} Hz"
        )


EMG2QWERTY = Layout(rate=2000.0, unit="uV", sides=("left", "right"), electrodes=16)
"""Layout of the recordings of emg2qwerty (Sivakumar et al. 2024), for session files and for the simulator."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of all bands, oldest first."""

    samples: F32
    """(T, bands, electrodes) in `layout.unit`. A band with a value that is not finite is missing in that sample."""
    times: F64
    """(T,) seconds, non-decreasing."""
    layout: Layout

    def __post_init__(self) -> None:
        expected = (len(self.times), self.layout.bands, self.layout.electrodes)
        if self.samples.shape != expected:
            raise ValueError(f"samples of shape {self.samples.shape} do not fit {expected} (times, bands, electrodes)")


@dataclass(frozen=True, slots=True)
class BandChunk:
    """Consecutive samples of one band, as one of two separate streams delivers them."""

    samples: F32
    """(T, electrodes)."""
    times: F64
    """(T,) seconds, non-decreasing."""
    band: int
    """Index into `Layout.sides`."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Consecutive frames of a front end, oldest first."""

    values: F32
    """(F, bands, electrodes, ...), e.g. log10 power by frequency bin."""
    times: F64
    """(F,) seconds, each that of the newest sample that the frame has seen."""
    missing: npt.NDArray[np.bool_]
    """(F, bands): whether too many of the samples behind the frame are missing in that band."""

    def __post_init__(self) -> None:
        if self.values.shape[:2] != self.missing.shape or len(self.times) != len(self.values):
            raise ValueError(
                f"values {self.values.shape}, times {self.times.shape} and missing {self.missing.shape} differ in "
                "frames or bands"
            )

    @classmethod
    def complete(cls, values: F32, times: F64) -> "Frames":
        """Make frames of which nothing is missing."""
        return cls(values, times, np.zeros(values.shape[:2], np.bool_))

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> "Frames":
        """Return some of the frames."""
        return Frames(self.values[part], self.times[part], self.missing[part])

    def masked(self) -> F32:
        """Return the values with all that is missing set to 0, as training sets masked frames."""
        if not self.missing.any():
            return self.values
        values = self.values.copy()
        values[self.missing] = 0
        return values


def joined(chunks: Sequence[Chunk]) -> Chunk | None:
    """Join chunks that follow each other; None where there is no sample."""
    if not sum(len(chunk.times) for chunk in chunks):
        return None
    if len(chunks) == 1:
        return chunks[0]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    return Chunk(samples, np.concatenate([chunk.times for chunk in chunks]), chunks[0].layout)
