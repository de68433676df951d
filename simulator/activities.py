"""Activities of the hands besides typing, which a decoder must not take for keys.

Intensities are in units of muscle drive, as those of key presses, and times follow everyday use: no number here was
fitted to recordings.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from messages.signal import F64
from simulator._forearm import DRIVE_RATE
from simulator._muscles import FINGERS, INDEX, MUSCLES
from simulator.person import HANDS


class Activity(Protocol):
    """An activity of the hands."""

    def drive_from(self, start: float, samples: int) -> F64:
        """Return the (hands, muscles, samples) drive from `start` s on, at DRIVE_RATE, to add to that of typing."""


@dataclass(frozen=True, slots=True)
class _Bursts:
    """Muscle patterns that are switched on and off."""

    starts: F64
    """(bursts,) start of each burst, in seconds."""
    ends: F64
    """(bursts,) end of each burst, in seconds."""
    drive: F64
    """(bursts, hands, muscles) drive of each burst."""
    ramp: float
    """Seconds in which a burst rises and falls."""

    def drive_from(self, start: float, samples: int) -> F64:
        """Return the drive (see Activity)."""
        times = start + np.arange(samples) / DRIVE_RATE
        drive = np.zeros((len(HANDS), len(MUSCLES), samples))
        for burst in np.flatnonzero((self.ends > times[0]) & (self.starts < times[-1])):
            shape = np.clip(np.minimum(times - self.starts[burst], self.ends[burst] - times) / self.ramp, 0.0, 1.0)
            drive += self.drive[burst][..., None] * shape
        return drive


def clenching(seconds: float, seed: int, strength: float = 1.0) -> Activity:
    """Clench both fists for 1 to 4 s, every 5 to 15 s: all finger flexors, and both sides of the wrist."""
    rng = np.random.default_rng([seed, 11])
    starts = _every(rng, seconds, 5.0, 15.0)
    pattern = np.zeros(len(MUSCLES))
    pattern[:FINGERS] = strength
    pattern[[i for name, i in INDEX.items() if "carpi" in name]] = 0.7 * strength
    drive = pattern * rng.uniform(0.5, 1.0, (len(starts), len(HANDS), 1)) * rng.uniform(0.7, 1.3, (len(starts), 1, 16))
    return _Bursts(starts, starts + rng.uniform(1.0, 4.0, len(starts)), drive, ramp=0.15)


def mouse(seconds: float, seed: int, strength: float = 1.0) -> Activity:
    """Move a mouse with the right hand (a wrist muscle for 0.2 to 1 s, about every second), with occasional clicks."""
    rng = np.random.default_rng([seed, 12])
    right = HANDS.index("right")
    moves, clicks = _every(rng, seconds, 0.5, 2.0), _every(rng, seconds, 1.0, 8.0)
    drive = np.zeros((len(moves) + len(clicks), len(HANDS), len(MUSCLES)))
    wrist = [i for name, i in INDEX.items() if "carpi" in name]
    drive[np.arange(len(moves)), right, rng.choice(wrist, len(moves))] = 0.5 * strength * rng.random(len(moves))
    # The index finger's flexor.
    drive[len(moves) :, right, 1] = 0.7 * strength * rng.uniform(0.5, 1.0, len(clicks))
    lengths = np.concatenate([rng.uniform(0.2, 1.0, len(moves)), rng.uniform(0.05, 0.12, len(clicks))])
    starts = np.concatenate([moves, clicks])
    return _Bursts(starts, starts + lengths, drive, ramp=0.03)


def handling(seconds: float, each: float, seed: int, strength: float = 1.0) -> Activity:
    """Put both bands on, each with the other hand, and take them off in turn at the end of `seconds`.

    Handling a band takes `each` s: fingers, thumb and wrist for 0.1 to 0.5 s, about three times a second.
    """
    rng = np.random.default_rng([seed, 14])
    # Start of each handling, and the working hand.
    spans = [(0.0, 1), (each, 0), (seconds - 2 * each, 0), (seconds - each, 1)]
    starts, hands = [], []
    for first, hand in spans:
        moves = first + _every(rng, each, 0.1, 0.5)
        starts.append(moves)
        hands += [hand] * len(moves)
    begin = np.concatenate(starts)
    drive = np.zeros((len(begin), len(HANDS), len(MUSCLES)))
    patterns = strength * rng.uniform(0.0, 1.0, (len(begin), len(MUSCLES))) * (rng.random((len(begin), 1)) + 0.2)
    drive[np.arange(len(begin)), hands] = patterns * (rng.random((len(begin), len(MUSCLES))) < 0.3)
    return _Bursts(begin, begin + rng.uniform(0.1, 0.5, len(begin)), drive, ramp=0.03)


def _every(rng: np.random.Generator, seconds: float, shortest: float, longest: float) -> F64:
    """Draw times up to `seconds` whose intervals are between `shortest` and `longest`."""
    times: F64 = np.cumsum(rng.uniform(shortest, longest, int(seconds / shortest) + 1))
    return times[times < seconds]
