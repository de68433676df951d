"""Short holes in a stream: filled with samples that are no numbers, so that time goes on and what is missing shows."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_BORDER = 1.5  # sample periods from one sample to the next when none is missing, and rounding


class HoleFiller:
    """Samples and times in; the same out with NaN where up to `longest` s are missing, however they are cut."""

    def __init__(self, rate: float, shortest: float, longest: float) -> None:
        """From sample to sample at least `shortest` s is a hole; one where more than `longest` s is missing stays."""
        self._rate = rate
        self._shortest = shortest
        self.widest = longest + _BORDER / rate
        """Seconds from sample to sample that are filled at most."""
        self.filled = 0
        """Samples filled in so far, over all resets."""
        self.reset()

    def reset(self) -> None:
        """Forget the newest sample: before the next one nothing is missing."""
        self.newest: float | None = None
        """Time (s) of the newest sample; None: there is none."""

    def push(self, samples: npt.NDArray[np.float32], times: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """`samples` (T, ...) and `times` (T,) s."""
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
        at = np.repeat(holes, missing)
        ends = times[holes]
        between = [
            end - (count - np.arange(count)) * (apart[hole] / (count + 1))
            for hole, end, count in zip(holes, ends, missing, strict=True)
        ]
        return np.insert(samples, at, np.nan, axis=0), np.insert(times, at, np.concatenate(between))
