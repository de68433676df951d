"""How a band sits: by how many electrodes it is rolled around the limb, and whether it is on the wrong way round.

A band is found again by which of its electrodes go together: neighbours share muscles, and which share how much is the
anatomy's. Such a pattern does not know how hard somebody types, nor how well each electrode touches the skin. Two of
them count alike: how their signals correlate, and how their loudness does; either alone takes an arm now and then for
its mirror image (python -m benchmarks.rotation).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

STEP = 0.125
"""Electrodes between two turns that are tried: a band rarely sits whole electrodes from where it sat."""
SURE = 1.1
"""The next best place must be so many times as far off as the best: below it two places look alike."""
_TINY = 1e-12
_APART = 1.5  # electrodes from the best turn, or mirrored, where another place begins


@dataclass(frozen=True, slots=True)
class Placement:
    """What puts a band's electrodes where they belong: mirrored first, then rolled."""

    roll: int = 0
    """Places around the ring."""
    mirror: bool = False
    """Whether the ring runs the other way."""

    def order(self, electrodes: int) -> npt.NDArray[np.intp]:
        """(electrodes,) where each corrected one comes from: `samples[..., order]` is corrected."""
        places = np.arange(electrodes)
        return (self.roll - places if self.mirror else places - self.roll) % electrodes

    def then(self, later: "Placement", electrodes: int) -> "Placement":
        """Both, one after the other, in one."""
        roll = later.roll + (-self.roll if later.mirror else self.roll)
        return Placement(roll % electrodes, self.mirror != later.mirror)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a band sits against where it sat."""

    turn: float
    """Electrodes by which to roll it, to STEP, from −half to half of the ring."""
    mirror: bool
    distance: float
    """Root mean square of what the correlations still differ by: about 0.05 where the same arm types again."""
    lead: float
    """How many times as far off the next best place is."""

    @property
    def placement(self) -> Placement:
        """The nearest whole electrode."""
        return Placement(round(self.turn), self.mirror)

    @property
    def sure(self) -> bool:
        """Whether no other place comes near."""
        return self.lead >= SURE


def fit(pattern: FloatArray, reference: FloatArray) -> Fit:
    """The place where a band's pattern is most like the reference's.

    Between two electrodes the signal around the ring is interpolated by its Fourier series.

    Args:
        pattern: (kinds, electrodes, electrodes) correlations of a band as it sits now.
        reference: The same of the band as it sat when all was well.
    """
    turns, mirrored, operators = _operators(pattern.shape[-1])
    squares = np.zeros(len(turns))
    for found, wanted in zip(pattern, reference, strict=True):
        moved = normalised(operators @ found @ operators.transpose(0, 2, 1))  # (places, electrodes, electrodes)
        squares += np.mean((moved - wanted) ** 2, axis=(1, 2))
    distance = np.sqrt(squares / len(pattern))
    best = int(np.argmin(distance))
    half = pattern.shape[-1] / 2
    away = np.abs((turns - turns[best] + half) % (2 * half) - half)
    others = distance[(mirrored != mirrored[best]) | (away >= _APART)]
    turn = float((turns[best] + half) % (2 * half) - half)
    found_at = float(distance[best])
    return Fit(turn, bool(mirrored[best]), found_at, float(others.min()) / max(found_at, _TINY))


def normalised(covariance: FloatArray) -> FloatArray:
    """(..., electrodes, electrodes) covariances to correlations; of what has no variance they are 0."""
    size = np.sqrt(np.einsum("...ee->...e", covariance))
    scale = size[..., :, None] * size[..., None, :]
    return np.asarray(covariance / np.maximum(scale, _TINY))


@cache
def _operators(electrodes: int) -> tuple[FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """All places: turns (places,), mirrored (places,), and what takes a ring there (places, electrodes, electrodes)."""
    turns = np.arange(0, electrodes, STEP)
    waves = np.fft.fftfreq(electrodes, 1 / electrodes)
    phases = np.exp(-2j * np.pi * np.outer(turns, waves) / electrodes)
    if electrodes % 2 == 0:
        phases[:, electrodes // 2] = np.cos(np.pi * turns)  # the highest wave has no side to lean to
    ring = np.eye(electrodes)
    rolled = np.fft.ifft(np.fft.fft(ring, axis=0) * phases[:, :, None], axis=1).real
    mirror = ring[(-np.arange(electrodes)) % electrodes]
    operators = np.concatenate([rolled, rolled @ mirror])
    return np.tile(turns, 2), np.repeat([False, True], len(turns)), operators
