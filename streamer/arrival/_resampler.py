"""Samples of a device whose rate is not the model's, on an even grid of the model's rate."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_HALF = 8  # samples on either side of a time that its value is made of
_PHASES = 512  # between two samples: the error of the next best stays 55 dB below the signal
_BETA = 8.0  # of the Kaiser window


def _weights() -> npt.NDArray[np.float32]:
    """(phases, 2 · half): a windowed sinc for each phase (Smith and Gossett, ICASSP 1984), its sum 1."""
    offsets = np.arange(-_HALF + 1, _HALF + 1) - np.arange(_PHASES)[:, None] / _PHASES
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - (offsets / _HALF) ** 2))) / np.i0(_BETA)
    taps = np.sinc(offsets) * window
    scaled: npt.NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


class Resampler:
    """Samples and times in; values at times an even period apart out, 8 samples later, however they are cut.

    Behind a hole, or where times step back, it begins anew. For rates that differ by some percent: there is no filter
    against aliases.
    """

    def __init__(self, rate: float) -> None:
        """`rate`: samples per second that come out."""
        self._rate = rate
        self._table = _weights()
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._samples: npt.NDArray[np.float32] | None = None
        self._times = np.empty(0)
        self._first = 0  # number of the oldest sample kept
        self._origin: float | None = None
        self._given = 0

    def push(self, samples: npt.NDArray[np.float32], times: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """`samples` (T, channels) and `times` (T,) s, which rise but where a stream breaks off."""
        pieces = []
        apart = np.diff(times, prepend=self._times[-1:] if len(self._times) else times[:1])
        breaks = np.flatnonzero((apart < 0) | (apart > 1.5 / self._rate)).tolist()
        starts = breaks if breaks[:1] == [0] else [0, *breaks]
        for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
            if start in breaks:
                self.reset()
            pieces.append(self._run(samples[start:end], times[start:end]))
        return np.concatenate([piece for piece, _ in pieces]), np.concatenate([at for _, at in pieces])

    def _run(self, samples: npt.NDArray[np.float32], times: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        kept = samples if self._samples is None else np.concatenate([self._samples, samples])
        known = np.concatenate([self._times, times])
        wanted = self._wanted(known)
        if not len(wanted):
            self._samples, self._times = kept, known
            return kept[:0], wanted
        numbers = self._first + np.arange(len(known))
        place = np.rint(np.interp(wanted, known, numbers) * _PHASES).astype(np.int64)
        left, phase = place // _PHASES - self._first, place % _PHASES
        made = np.zeros((len(wanted), *samples.shape[1:]), np.float32)
        for tap in range(2 * _HALF):
            made += self._table[phase, tap, None] * kept[left + tap - _HALF + 1]
        drop = max(0, len(known) - 2 * _HALF)
        self._samples, self._times, self._first = kept[drop:], known[drop:], self._first + drop
        return made, wanted

    def _wanted(self, known: FloatArray) -> FloatArray:
        """Times on the grid that have all the samples they want."""
        if len(known) < 2 * _HALF:
            return np.empty(0)
        if self._origin is None:
            self._origin = float(known[_HALF - 1])
        end = known[-_HALF - 1]
        count = max(0, int(np.floor((end - self._origin) * self._rate)) + 2)
        grid: FloatArray = self._origin + np.arange(self._given, max(self._given, count)) / self._rate
        grid = grid[grid <= end]
        self._given += len(grid)
        return grid
