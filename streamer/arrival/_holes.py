"""Short holes in a stream, filled with samples that are not numbers.

So time goes on evenly, and later stages see in the samples themselves what is missing.

Plan
    Inputs: samples and their times. State: the time of the newest sample.
    Rule: where the times of two samples are further apart than `shortest` and no further than `longest` plus one
    period, as many samples as fit between them are put there, evenly spaced, with the value NaN. Wider gaps stay, as do
    times that step back.
"""

import numpy as np

from messages.signal import F32, F64

_ROUNDING = 1.5
"""Periods from one sample to the next where none is missing, at most: 1, and rounding."""


class HoleFiller:
    """Samples and times in; the same out with NaN where up to `longest` s are missing, however they are cut."""

    def __init__(self, rate: float, shortest: float, longest: float) -> None:
        """Begin.

        Args:
            rate: Samples per second.
            shortest: Seconds from one sample to the next that are a hole, at least.
            longest: Seconds that may be missing in a hole, at most.
        """
        self._rate = rate
        self._shortest = shortest
        self.widest = longest + _ROUNDING / rate
        """Seconds from one sample to the next that are filled, at most."""
        self.filled = 0
        """Samples filled in so far, over all resets."""
        self.reset()

    def reset(self) -> None:
        """Forget the newest sample: before the next one nothing is missing."""
        self.newest: float | None = None
        """Time of the newest sample in s, None before the first: all that the filler remembers."""

    def push(self, samples: F32, times: F64) -> tuple[F32, F64]:
        """Return the samples and their times with the holes filled.

        Args:
            samples: (T, ...).
            times: (T,) seconds.
        """
        if not len(times):
            return samples, times
        before = times[0] if self.newest is None else self.newest
        apart = np.diff(times, prepend=before)
        self.newest = float(times[-1])
        holes = np.flatnonzero((apart >= self._shortest) & (apart <= self.widest)).tolist()
        if not holes:
            return samples, times
        missing = [max(0, round(apart[hole] * self._rate) - 1) for hole in holes]
        self.filled += sum(missing)
        rows = np.repeat(holes, missing)
        fillings = [
            times[hole] - (count - np.arange(count)) * (apart[hole] / (count + 1))
            for hole, count in zip(holes, missing, strict=True)
        ]
        return np.insert(samples, rows, np.nan, axis=0), np.insert(times, rows, np.concatenate(fillings))
