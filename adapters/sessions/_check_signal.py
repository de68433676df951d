"""Checks the samples and the time stamps of a session, in one pass over its blocks."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from adapters.sessions import format as form
from adapters.sessions.findings import Finding, error, note, some, warning
from messages.signal import F32, F64
from streamer.quality import limits

RATE = form.LAYOUT.rate
DRIFT = 2.0
"""Seconds by which the span of the stamps and N / rate may differ; more means lost data (45 of 1,135 real sessions)."""
GAP = 0.05
"""Seconds without a sample that are reported: far above the jitter of stamps, and shorter than most key intervals."""
FLAT = int(RATE)
"""Number of samples in a second: a live electrode is never constant so long. Blocks should hold whole seconds."""
_SPAN = 1000
"""Number of samples over which the rate is measured, whether they are stamped in batches or not."""


class StampCheck:
    """Checks time stamps: they are numbers, never fall, and are as many as the rate makes."""

    def __init__(self) -> None:
        self.count = 0
        """Number of stamps so far."""
        self.first = self.last = np.nan
        """Seconds: the first and the last finite stamp."""
        # Numbers of the samples whose stamps are no finite number, or fall.
        self._not_finite: list[int] = []
        self._falls: list[int] = []
        self._repeats = 0
        # Time of the stamp behind each gap, and length of the gap, in seconds.
        self._gaps: list[tuple[float, float]] = []
        # Seconds that `_SPAN` samples take.
        self._spans: list[float] = []

    @property
    def rate(self) -> float:
        """F32 a second, by the median of many short spans, which lost data does not touch; 0 if unknown."""
        span = float(np.median(self._spans)) if self._spans else 0.0
        return _SPAN / span if span > 0 else 0.0

    def add(self, times: F64) -> None:
        """Check the next stamps (T,) in seconds."""
        finite = np.isfinite(times)
        self._not_finite += (self.count + np.flatnonzero(~finite)).tolist()
        places, stamps = self.count + np.flatnonzero(finite), times[finite]
        self.count += len(times)
        if not len(stamps):
            return
        before = stamps[0] if np.isnan(self.last) else self.last
        steps = np.diff(stamps, prepend=before)
        self._falls += places[steps < 0].tolist()
        # The first stamp of all is compared with itself, which is no repetition.
        self._repeats += int((steps == 0).sum()) - int(np.isnan(self.last))
        self._spans += np.diff(stamps[::_SPAN]).tolist()
        self._gaps += zip(stamps[steps > GAP].tolist(), steps[steps > GAP].tolist(), strict=True)
        self.first = stamps[0] if np.isnan(self.first) else self.first
        self.last = stamps[-1]

    def findings(self) -> Iterator[Finding]:
        """Yield the irregularities of all stamps so far."""
        if self._not_finite:
            count = len(self._not_finite)
            yield error("stamps-not-finite", f"{count} time stamps are no finite number, at {some(self._not_finite)}")
        if self._falls:
            yield error("stamps-fall", f"time stamps run backwards {len(self._falls)} times, at {some(self._falls)}")
        if self._repeats:
            yield note("stamps-repeat", f"{self._repeats} of {self.count} time stamps equal the one before (legal)")
        wall, counted = self.last - self.first, (self.count - 1) / RATE
        if abs(wall - counted) > DRIFT:
            yield warning(
                "drift",
                f"the stamps span {wall:.1f} s, {self.count} samples at {RATE:.0f} Hz make {counted:.1f} s: "
                "look samples up by time, never by count",
            )
        if self._gaps:
            at, longest = max(self._gaps, key=lambda gap: gap[1])
            lost = sum(step - 1 / RATE for _, step in self._gaps)
            yield warning(
                "gap",
                f"{len(self._gaps)} gaps, {lost:.2f} s together, the longest {longest:.3f} s before {at:.3f}",
            )


class SampleCheck:
    """Checks the samples of both bands: finite, in µV, high-passed, every electrode alive and none clipped."""

    def __init__(self) -> None:
        shape = (len(form.LAYOUT.sides), form.LAYOUT.electrodes)
        self._count = 0
        self._first_bad: int | None = None
        # (bands, electrodes): samples that are not finite, and samples in seconds without a change.
        self._bad, self._flat = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._sums, self._squares = np.zeros(shape), np.zeros(shape)
        self._top, self._bottom = _Extreme(shape), _Extreme(shape)

    def add(self, samples: F32) -> None:
        """Check the next samples (T, bands, electrodes)."""
        finite = np.isfinite(samples)
        if not finite.all():
            self._bad += (~finite).sum(axis=0)
            if self._first_bad is None:
                self._first_bad = self._count + int(np.argmin(finite.all(axis=(1, 2))))
            samples = np.where(finite, samples, np.float32(0))
        self._count += len(samples)
        self._sums += samples.sum(axis=0, dtype=np.float64)
        self._squares += np.einsum("tbe,tbe->be", samples, samples, dtype=np.float64)
        seconds = samples[: len(samples) // FLAT * FLAT].reshape(-1, FLAT, *samples.shape[1:])
        self._flat += FLAT * (seconds == seconds[:, :1]).all(axis=1).sum(axis=0)
        self._top.add(samples)
        self._bottom.add(-samples)

    def findings(self) -> Iterator[Finding]:
        """Yield the irregularities of all samples so far."""
        if self._first_bad is not None:
            where = some([f"{name} ({self._bad[place]})" for name, place in _electrodes(self._bad > 0)])
            yield error(
                "samples-not-finite", f"{self._bad.sum()} samples are NaN or infinite, first {self._first_bad}: {where}"
            )
        mean = self._sums / self._count
        rms = np.sqrt(np.maximum(self._squares / self._count - mean**2, 0))
        moved = self._top.value > -self._bottom.value
        live = moved & (self._flat < self._count / 2)
        if not moved.any():
            yield error("no-signal", "all electrodes are constant: nothing was recorded")
            return
        yield from _dead(moved, self._flat)
        clipped = live & (self._top.rests + self._bottom.rests > limits.CLIPPED_SHARE * self._count)
        if clipped.any():
            yield warning("saturated", f"clipped at their extremes: {_names(clipped)}")
        yield from _level(float(np.median(rms[live])) if live.any() else 0.0)
        beyond = np.maximum(self._top.value, self._bottom.value) > 2 * limits.RANGE
        if beyond.any():
            yield warning("range", f"beyond the device's ±{limits.RANGE:.0f} µV twice over: {_names(beyond)}")
        shifted = live & (np.abs(mean) > rms)
        if shifted.any():
            yield warning(
                "not-high-passed", f"the mean is beyond the rms, though 40 Hz are high-passed: {_names(shifted)}"
            )


class _Extreme:
    """The largest value of each electrode, and the number of samples that end a run of three of it.

    Args:
        shape: (bands, electrodes).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value = np.full(shape, -np.inf)
        self.rests = np.zeros(shape, np.int64)

    def add(self, samples: F32) -> None:
        value = samples.max(axis=0)
        at = samples == value
        rests = (at[2:] & at[1:-1] & at[:-2]).sum(axis=0)
        # The counts of a value that has been exceeded are forgotten.
        earlier = np.where(self.value >= value, self.rests, 0)
        self.rests = earlier + np.where(value >= self.value, rests, 0)
        self.value = np.maximum(self.value, value)


def _dead(moved: NDArray[np.bool_], flat: NDArray[np.int64]) -> Iterator[Finding]:
    if not moved.all():
        yield warning("dead-electrode", f"constant all the time: {_names(~moved)}")
    pausing = moved & (flat > 0)
    if pausing.any():
        where = some([f"{name} ({flat[place] / RATE:.0f} s)" for name, place in _electrodes(pausing)])
        yield warning("flat", f"constant for whole seconds: {where}")


def _level(rms: float) -> Iterator[Finding]:
    least, most = limits.TYPICAL
    if least <= rms <= most:
        return
    if unit := limits.likely_unit(rms):
        yield error(
            "unit", f"the median electrode has {rms:.3g} rms: it seems to be in {unit}, expected µV (typically 10)"
        )
    else:
        yield warning("unit", f"the median electrode has {rms:.3g} µV rms: expected {least:g} to {most:g}")


def _electrodes(mask: NDArray[np.bool_]) -> list[tuple[str, tuple[int, int]]]:
    """Return name and place (band, electrode) of the electrodes that a mask (bands, electrodes) marks."""
    return [(f"{form.LAYOUT.sides[band]} {electrode}", (band, electrode)) for band, electrode in np.argwhere(mask)]


def _names(mask: NDArray[np.bool_]) -> str:
    return some([name for name, _ in _electrodes(mask)])
