"""What travels into the streamer: samples with their times, and the layout that says what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Layout:
    """What one row of samples means. A bundle states the layout it needs and refuses any other."""

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

    samples: npt.NDArray[np.float32]
    """(T, bands, electrodes) in `layout.unit`."""
    times: npt.NDArray[np.float64]
    """(T,) seconds, non-decreasing."""
    layout: Layout

    def __post_init__(self) -> None:
        expected = (len(self.times), self.layout.bands, self.layout.electrodes)
        if self.samples.shape != expected:
            raise ValueError(f"samples of shape {self.samples.shape} do not fit {expected} (times, bands, electrodes)")


@dataclass(frozen=True, slots=True)
class BandChunk:
    """Consecutive samples of one band, as one of two separate streams delivers them."""

    samples: npt.NDArray[np.float32]
    """(T, electrodes)."""
    times: npt.NDArray[np.float64]
    """(T,) seconds, non-decreasing."""
    band: int
    """Index into `Layout.sides`."""


def joined(chunks: Sequence[Chunk]) -> Chunk | None:
    """One chunk of several that follow each other; None of none, or of nothing."""
    if not sum(len(chunk.times) for chunk in chunks):
        return None
    if len(chunks) == 1:
        return chunks[0]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    return Chunk(samples, np.concatenate([chunk.times for chunk in chunks]), chunks[0].layout)
