"""How a band sits: by how many electrodes it is rolled around the limb, and whether it is on the wrong way round.

Input: the pattern of a band, how strongly each two of its electrodes go together, now and as it was saved when all was
well. Neighbouring electrodes share muscles, and how much they share is the anatomy's. So a pattern does not depend on
how hard somebody types, nor much on how well each electrode touches the skin.

1. Every place is tried: turns of an eighth of an electrode, mirrored or not. Between two electrodes the signal around
   the ring is interpolated by its Fourier series, as a matrix that acts on the pattern (`_operators`).
2. The distance of a place is the root mean square of the difference between the moved pattern and the saved one.
3. The nearest place wins. It is sure if the next best one, at least 1.5 electrodes away or mirrored, is 1.1 times as
   far off.

Two kinds of patterns count alike: how the signals correlate, and how their loudness does. Either alone takes an arm for
its mirror image now and then (python -m benchmarks.rotation).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from messages.signal import F64

STEP = 0.125
"""Electrodes between two turns that are tried: a band rarely sits whole electrodes from where it sat."""
SURE = 1.1
"""A place is sure if the next best one is at least this many times as far off; below that the two look alike."""
_TINY = 1e-12
"""Stands in for a zero that something is divided by."""
_APART = 1.5
"""Electrodes from the best turn at which another place begins."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The move that puts a band's electrodes where they belong: mirrored first, then rolled."""

    roll: int = 0
    """Electrodes by which the ring is rolled."""
    mirror: bool = False
    """Whether the ring runs the other way."""

    def order(self, electrodes: int) -> npt.NDArray[np.intp]:
        """Return (electrodes,) the source of each electrode: `samples[..., order]` is corrected."""
        places = np.arange(electrodes)
        return (self.roll - places if self.mirror else places - self.roll) % electrodes

    def then(self, later: "Placement", electrodes: int) -> "Placement":
        """Return the one move that does this one and then the later one."""
        roll = later.roll + (-self.roll if later.mirror else self.roll)
        return Placement(roll % electrodes, self.mirror != later.mirror)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a band sits, compared with how it sat when its reference was saved."""

    turn: float
    """Electrodes by which to roll the band back, a multiple of `STEP`, from −half to half of the ring."""
    mirror: bool
    """Whether the band is on the wrong way round."""
    distance: float
    """Root mean square of the difference that is left between the correlations: about 0.05 if the same arm types."""
    lead: float
    """How many times as far off the next best place is."""

    @property
    def placement(self) -> Placement:
        """The move back, by whole electrodes."""
        return Placement(round(self.turn), self.mirror)

    @property
    def sure(self) -> bool:
        """Whether no other place comes near."""
        return self.lead >= SURE


def fit(pattern: F64, reference: F64) -> Fit:
    """Return the place at which a band's pattern is most like the reference's.

    Args:
        pattern: (kinds, electrodes, electrodes) correlations of a band as it sits now.
        reference: The same of the band as it sat when all was well.
    """
    turns, mirrored, operators = _operators(pattern.shape[-1])
    squares = np.zeros(len(turns))
    for now, past in zip(pattern, reference, strict=True):
        # (places, electrodes, electrodes)
        moved = normalised(operators @ now @ operators.transpose(0, 2, 1))
        squares += np.mean((moved - past) ** 2, axis=(1, 2))
    distances = np.sqrt(squares / len(pattern))
    best = int(np.argmin(distances))
    half = pattern.shape[-1] / 2
    away = np.abs((turns - turns[best] + half) % (2 * half) - half)
    others = distances[(mirrored != mirrored[best]) | (away >= _APART)]
    turn = float((turns[best] + half) % (2 * half) - half)
    distance = float(distances[best])
    return Fit(turn, bool(mirrored[best]), distance, float(others.min()) / max(distance, _TINY))


def normalised(covariance: F64) -> F64:
    """Return the correlations of covariances (..., electrodes, electrodes); 0 for an electrode without variance."""
    size = np.sqrt(np.einsum("...ee->...e", covariance))
    scale = size[..., :, None] * size[..., None, :]
    return np.asarray(covariance / np.maximum(scale, _TINY))


@cache
def _operators(electrodes: int) -> tuple[F64, npt.NDArray[np.bool_], F64]:
    """Return all places: turns (places,), mirrored (places,), and the matrices (places, electrodes, electrodes)."""
    turns = np.arange(0, electrodes, STEP)
    waves = np.fft.fftfreq(electrodes, 1 / electrodes)
    phases = np.exp(-2j * np.pi * np.outer(turns, waves) / electrodes)
    if electrodes % 2 == 0:
        # The highest wave has no direction to turn to.
        phases[:, electrodes // 2] = np.cos(np.pi * turns)
    ring = np.eye(electrodes)
    rolled = np.fft.ifft(np.fft.fft(ring, axis=0) * phases[:, :, None], axis=1).real
    mirror = ring[(-np.arange(electrodes)) % electrodes]
    operators = np.concatenate([rolled, rolled @ mirror])
    return np.tile(turns, 2), np.repeat([False, True], len(turns)), operators
