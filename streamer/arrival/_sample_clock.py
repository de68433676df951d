"""When each sample of a stream was taken: its samples counted, and the count held to its jittery time stamps."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

UNKNOWN = -1
"""Where nobody counted how many samples were lost before one."""
_BLOCK = 32
"""Samples whose stamps correct the clock together: a packet of a radio or so."""
_START = 0.02  # seconds of jitter expected until it is known
_FINEST = 1e-4  # seconds of jitter at least: clock synchronisation itself moves stamps by that
_CHANGES = 64  # newest blocks that tell the jitter,
_MOSTLY = 0.95  # of them, counting those back alone: packets of up to ten blocks; losses only step forward
_OF_TWO = 1.645 * math.sqrt(2)  # standard deviations by which 95 of 100 differences of two values are not negative
_SHARED = 2.0  # by which the filter errs about its error, since blocks share packets and their jitter
_RATE_PRIOR = 1e-3  # standard deviation of a real rate about the nominal one; evidence soon outweighs it
_WANDER = 2e-5  # seconds per square root of a second that stamps wander besides drifting (estimates of the clock)
_DRIFTING = 3e-7  # that a drift changes by, per square root of a second: crystals move with their temperature
_FAR = 3.0  # standard deviations beyond which an outlier counts as one so far away
_SLEW = 0.02  # by which the times given out may run faster or slower than the clock to catch up with it,
_HASTE = 0.1  # and where they are far off
_FAR_OFF = 0.01  # seconds that is
_FADING = 0.998
"""Of the longest batch of equal stamps and of the largest jitter, per block: both are forgotten in ten seconds."""
_LEAST, _MOST = 0.005, 0.2  # seconds of a step of the stamps that shows a gap, at least and at most
_STEP = 8.0  # standard deviations of jitter that it has, between those
_EARLY = 0.06  # seconds that samples may come too soon before their times step back: bands may be so far apart
_BELIEVED = 1.0  # seconds that the stamps of counted samples may step without being believed
_STUBBORN = 16  # blocks with all stamps far to one side of the clock, after which it has stepped,
_SURE = 5.0  # if they are so many standard deviations of theirs away from it


@dataclass(slots=True)
class _Line:
    """A sample's time by its number: `at` seconds for the sample of number `index`, `period` seconds each."""

    at: float
    index: int
    period: float

    def times(self, index: npt.NDArray[np.int64]) -> FloatArray:
        return self.at + (index - self.index).astype(np.float64) * self.period

    def move(self, index: int) -> None:
        self.at += (index - self.index) * self.period
        self.index = index


class SampleClock:
    """Stamps in, times out, sample for sample, at once and however they are cut.

    A Kalman filter of offset and rate (two states, as in the clock recovery of packet networks) on the mean residual of
    each block of samples, outliers cut at three standard deviations. What it gives out runs at its rate and comes
    nearer to its offset by at most 2 % (10 % where that is far), so that times rise evenly. A batch of equal stamps was
    stamped when its newest sample came: only that one tells something.

    A step of the stamps that jitter does not explain is a gap (or, backwards, a source that began anew), never smoothed
    over; where samples are counted, the count alone says what is missing.
    """

    def __init__(self, rate: float) -> None:
        """`rate`: nominal samples per second."""
        self._nominal = 1.0 / rate
        self._next = 0  # number of the next sample
        self._fresh = True  # it is the first since the clock was set by a stamp
        self._clock = self._out = _Line(0.0, 0, self._nominal)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self.steps = 0
        """How often the stamps stepped back, or to another time than the count of samples: another clock."""
        self.gaps = 0.0
        """Seconds that the stamps stepped forward where nobody counts: lost samples, as far as anybody knows."""
        self._variance = _START**2  # of a block's residual
        self._roughest = 0.0  # seconds: the largest jitter of late
        self._changes: deque[float] = deque(maxlen=_CHANGES)  # seconds that the residual steps back from block to block
        self._before: float | None = None  # the last residual, as of the clock now
        self._drift = 0.0  # of the period, as a fraction
        self._drift_variance = _RATE_PRIOR**2
        self._longest_run, self._run = 1.0, 1  # equal stamps
        self._anchor(0.0)
        self._begun = False

    @property
    def drift(self) -> float:
        """By what fraction more samples than nominal come in a second."""
        return 1.0 / (1.0 + self._drift) - 1.0

    @property
    def drift_error(self) -> float:
        """Standard deviation of it."""
        return _SHARED * math.sqrt(self._drift_variance)

    @property
    def jitter(self) -> float:
        """Seconds: standard deviation of a block's stamps about the clock."""
        return math.sqrt(self._variance)

    def push(self, stamps: FloatArray, lost: npt.NDArray[np.int64]) -> FloatArray:
        """When these samples were taken.

        Args:
            stamps: (T,) seconds; one that is not finite tells nothing.
            lost: (T,) samples known to be lost before each; UNKNOWN where nobody counts.

        Returns:
            (T,) seconds; they rise by nearly a period each, but for gaps, and fall only where `steps` says so.
        """
        times = np.empty(len(stamps))
        start = 0
        while start < len(stamps):
            if self._begun and self._count == _BLOCK:
                self._close(float(stamps[start]))
            if not self._begun:
                self._anchor(float(stamps[start]))
            end = min(len(stamps), start + _BLOCK - self._count)
            start += self._take(stamps[start:end], lost[start:end], times[start:end])
        return times

    def _take(self, stamps: FloatArray, lost: npt.NDArray[np.int64], times: FloatArray) -> int:
        """Give times to samples of one block; how many, up to one whose stamp steps, from which on all begins anew."""
        index = self._next + np.arange(len(stamps)) + np.cumsum(np.maximum(lost, 0))
        residuals = stamps - self._clock.times(index)
        limit = min(max(_STEP * self.jitter, _LEAST), _MOST)
        batch = self._longest_run * self._nominal  # by which its first sample is stamped too late
        nobody = lost == UNKNOWN
        stepped = (residuals > np.where(nobody, limit + batch, _BELIEVED)) | (
            residuals < -np.where(nobody, limit, _BELIEVED)
        )
        stepped[0] &= not self._fresh
        if stepped.any():
            at = int(np.argmax(stepped))
            if at:
                self._take(stamps[:at], lost[:at], times[:at])
            # What was taken for a gap may have been a delay: samples that follow too soon take it back.
            due = float(self._out.times(index[at : at + 1])[0])
            back = bool(stamps[at] < due - _EARLY)
            self.steps += back or bool(lost[at] != UNKNOWN)
            self.gaps += max(0.0, float(stamps[at]) - due) if lost[at] == UNKNOWN else 0.0
            if lost[at] == UNKNOWN and residuals[at] < 0 and not back:  # jitter that begins, more likely than not
                self._changes.append(-float(residuals[at]))
            self._anchor(float(stamps[at]), -np.inf if back else due)
            return at
        self._fresh = False
        times[:] = self._out.times(index)
        self._learn(stamps, residuals)
        self._count += len(stamps)
        self._next = int(index[-1]) + 1
        return len(stamps)

    def _anchor(self, stamp: float, least: float = -np.inf) -> None:
        """The stream goes on from this stamp: its rate is known, its offset as well as a stamp tells it.

        Nothing is given out for before `least`.
        """
        self._begun = True
        self._fresh = True
        at = stamp if math.isfinite(stamp) else 0.0
        self._next = 0
        self._clock = _Line(at, 0, self._nominal * (1.0 + self._drift))
        self._out = _Line(max(at, least), 0, self._clock.period)
        self._offset_variance, self._covariance = self._variance, 0.0
        self._open()
        self._aside: list[float] = []  # residuals of the last blocks, all of them far
        self._before = None
        self._held: tuple[float, float] | None = None  # newest stamp and its residual, until the next one differs

    def _open(self) -> None:
        self._count = 0
        self._sum, self._heard = 0.0, 0

    def _learn(self, stamps: FloatArray, residuals: FloatArray) -> None:
        """Add up what the newest sample of each run of equal stamps says; the last waits for its successor."""
        if self._held is not None:
            stamps = np.concatenate([[self._held[0]], stamps])
            residuals = np.concatenate([[self._held[1]], residuals])
        newest = stamps[1:] != stamps[:-1]
        if not newest.all():
            for known in newest.tolist():
                self._run = 1 if known else self._run + 1
                self._longest_run = max(self._longest_run, min(self._run, round(_MOST / self._nominal)))
        told = residuals[:-1][newest]
        told = told[np.isfinite(told)]
        # One after the other, so that the sum does not depend on the cut.
        self._sum = float(np.cumsum(np.concatenate([[self._sum], told]))[-1])
        self._heard += len(told)
        self._held = float(stamps[-1]), float(residuals[-1])

    def _close(self, successor: float) -> None:
        """End a block, whose successor's stamp is known: correct the clock by what the block's stamps said."""
        if self._held is not None and self._held[0] != successor:
            if math.isfinite(self._held[1]):
                self._sum += self._held[1]
                self._heard += 1
            self._held = None
            self._run = 1
        begun, end = self._clock.index, self._next
        seconds = (end - begun) * self._clock.period
        self._predict(seconds)
        if self._heard:
            residual = self._sum / self._heard
            self._spread(residual)
            self._correct(residual)
            self._before = residual - self._ahead
        self._clock.move(end)
        self._clock.at += self._ahead
        self._clock.period = self._nominal * (1.0 + self._drift)
        self._out.move(end)
        behind = self._clock.at - self._out.at
        slew = (_SLEW if abs(behind) < _FAR_OFF else _HASTE) * _BLOCK * self._nominal
        self._longest_run = max(1.0, self._run, _FADING * self._longest_run)
        self._out.period = self._clock.period + min(max(behind, -slew), slew) / _BLOCK
        if self._held is not None:
            # Its residual was counted from the block's clock; nothing else of it is asked for in the next.
            self._held = self._held[0], self._held[1] - self._ahead
        self._open()

    def _predict(self, seconds: float) -> None:
        p00, p01, p11 = self._offset_variance, self._covariance, self._drift_variance
        self._offset_variance = p00 + 2 * seconds * p01 + seconds**2 * p11 + _WANDER**2 * seconds
        self._covariance = p01 + seconds * p11
        self._drift_variance = p11 + _DRIFTING**2 * seconds
        self._ahead = 0.0

    def _spread(self, residual: float) -> None:
        """Learn the jitter: by what all but a few residuals step back, so that neither losses nor drift pass for it."""
        if self._before is not None:
            self._changes.append(max(0.0, self._before - residual))
        if len(self._changes) >= _CHANGES // 4:
            most = sorted(self._changes)[int(_MOSTLY * len(self._changes))]
            self._variance = max(_FINEST, most / _OF_TWO) ** 2
            self._roughest = max(self.jitter, _FADING * self._roughest)

    def _correct(self, residual: float) -> None:
        spread = math.sqrt(self._offset_variance + self._variance)
        cut = min(max(residual, -_FAR * spread), _FAR * spread)
        self._aside = [*self._aside, residual] if abs(residual) > _FAR * spread else []
        if len(self._aside) == _STUBBORN:
            mean, scatter = abs(float(np.mean(self._aside))), float(np.std(self._aside))
            self._aside = []
            if mean > _SURE * scatter:  # and not jitter that has just begun
                # When jitter ends, all packets come as soon as the first ones did before: no other clock.
                self.steps += mean > max(_LEAST, _FAR * self._roughest)
                self._ahead, self._offset_variance, self._covariance = residual, self._variance, 0.0
                if mean <= _LEAST:  # but a rate that jitter has led astray
                    self._drift_variance = _RATE_PRIOR**2
                return
        gain = self._offset_variance + self._variance
        by_offset, by_drift = self._offset_variance / gain, self._covariance / gain
        self._ahead = by_offset * cut
        self._drift += by_drift * cut
        self._drift_variance -= by_drift * self._covariance
        self._covariance *= 1.0 - by_offset
        self._offset_variance *= 1.0 - by_offset
