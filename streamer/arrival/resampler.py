"""Samples of a device whose rate is not the model's, interpolated on an even grid of the model's rate.

Plan
    Inputs: samples and their times, which rise. Output: values at times an even period apart.

    State: the newest 16 samples and their times, the first time of the grid, and how many of its points are done.

    Rules: a point of the grid lies between two samples, at a phase rounded to 1/512 of their distance. Its value is the
    sum of the 8 samples on either side, weighted by a sinc under a Kaiser window for that phase (a table, made once).
    So it comes 8 samples late. Behind a hole, or where times step back, the grid begins anew.

Source
    Smith and Gossett, "A flexible sampling-rate conversion method", ICASSP 1984.

Limits
    For rates that differ by some percent: there is no filter against aliases. With 512 phases and no interpolation
    between them, the error stays 55 dB below the signal.
"""

from dataclasses import dataclass

import numpy as np

from messages.signal import F32, F64

_HALF = 8
"""Samples on either side of a point of the grid that make its value."""
_PHASES = 512
"""Places between two samples for which the table has weights."""
_BETA = 8.0
"""Shape of the Kaiser window."""
_HOLE = 1.5
"""Periods from one sample to the next behind which the grid begins anew."""


def _weight_table() -> F32:
    """Return the weights (phases, 2 · half) of the samples around a point, those of each phase with the sum 1."""
    offsets = np.arange(-_HALF + 1, _HALF + 1) - np.arange(_PHASES)[:, None] / _PHASES
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - (offsets / _HALF) ** 2))) / np.i0(_BETA)
    weights = np.sinc(offsets) * window
    scaled: F32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


@dataclass(slots=True)
class ResamplerState:
    """State of a `Resampler`. It changes in place: copy it deeply to keep it."""

    times: F64
    """(T,) times of the samples that later points may need, in s."""
    samples: F32 | None = None
    """(T, channels) these samples; None: there are none."""
    first: int = 0
    """Number of the oldest of them."""
    origin: float | None = None
    """Time of the grid's first point, in s; None: the grid has not begun."""
    done: int = 0
    """Points of the grid that went out."""


class Resampler:
    """Samples and times in; values on an even grid out, however they are cut. See the module's plan."""

    def __init__(self, rate: float) -> None:
        """Begin.

        Args:
            rate: Samples per second that come out.
        """
        self._rate = rate
        self._weights = _weight_table()
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.state = ResamplerState(np.empty(0))
        """State of the resampler: copy it to keep it, set it to go on from there."""

    def push(self, samples: F32, times: F64) -> tuple[F32, F64]:
        """Return the points of the grid that these samples complete, and their times.

        Args:
            samples: (T, channels).
            times: (T,) seconds, which rise but where a stream breaks off.
        """
        pieces = []
        before = self.state.times[-1:] if len(self.state.times) else times[:1]
        apart = np.diff(times, prepend=before)
        breaks = np.flatnonzero((apart < 0) | (apart > _HOLE / self._rate)).tolist()
        starts = breaks if breaks[:1] == [0] else [0, *breaks]
        for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
            if start in breaks:
                self.reset()
            pieces.append(self._interpolate(samples[start:end], times[start:end]))
        return np.concatenate([values for values, _ in pieces]), np.concatenate([points for _, points in pieces])

    def _interpolate(self, samples: F32, times: F64) -> tuple[F32, F64]:
        """Do what `push` does, for samples without a hole."""
        state = self.state
        samples = samples if state.samples is None else np.concatenate([state.samples, samples])
        times = np.concatenate([state.times, times])
        points = self._next_points(times)
        if not len(points):
            state.samples, state.times = samples, times
            return samples[:0], points
        numbers = state.first + np.arange(len(times))
        places = np.rint(np.interp(points, times, numbers) * _PHASES).astype(np.int64)
        rows, phases = places // _PHASES - state.first, places % _PHASES
        values = np.zeros((len(points), *samples.shape[1:]), np.float32)
        for tap in range(2 * _HALF):
            values += self._weights[phases, tap, None] * samples[rows + tap - _HALF + 1]
        drop = max(0, len(times) - 2 * _HALF)
        state.samples, state.times, state.first = samples[drop:], times[drop:], state.first + drop
        return values, points

    def _next_points(self, times: F64) -> F64:
        """Return the next times of the grid that have 8 of these samples (T,) s on either side."""
        state = self.state
        if len(times) < 2 * _HALF:
            return np.empty(0)
        if state.origin is None:
            state.origin = float(times[_HALF - 1])
        end = times[-_HALF - 1]
        count = max(0, int(np.floor((end - state.origin) * self._rate)) + 2)
        points: F64 = state.origin + np.arange(state.done, max(state.done, count)) / self._rate
        points = points[points <= end]
        state.done += len(points)
        return points
