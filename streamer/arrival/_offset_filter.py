"""The filter that follows a device's clock: its offset and its rate, with the error of both.

Plan
    A Kalman filter of two states, as in the clock recovery of packet networks (compare Giorgi and Narduzzi, IEEE
    Transactions on Instrumentation and Measurement 60, 2011): offset and rate each make a random walk. The offset
    itself is not kept here: the clock adds each correction to its own, so that the filter expects the residual 0.

Inputs
    `predict`: the seconds that have passed. `correct`: a residual, the seconds by which the mean stamp of a block of
    samples lies behind (positive) or ahead of the clock, and the variance of such a residual (see `_jitter`).

Rules
    predict:  P ← F P Fᵀ + Q,  F = [[1, t], [0, 1]],  Q = t · diag(WANDER², RATE_WANDER²)
    correct:  K = P Hᵀ / (H P Hᵀ + R),  H = [1, 0];  the residual is cut at OUTLIER standard deviations first.
    A stamp that sets the clock anew says nothing of the rate: `restart` keeps it.

Tried and rejected
    The filter's own variance as the error of the rate: too small, since successive blocks share packets and their
    jitter; hence ERROR_INFLATION. A variance R learnt from the residuals that the filter sees: losses
    without numbers pass for jitter then; hence `_jitter`.
"""

import math
from dataclasses import dataclass

OUTLIER = 3.0
"""A residual beyond this many standard deviations counts as one of that size."""
ERROR_INFLATION = 2.0
"""The filter's own error estimate is too small by this factor: blocks share packets and their jitter."""
RATE_PRIOR = 1e-3
"""Standard deviation of a device's rate about its nominal rate, as a fraction; evidence soon outweighs it."""
_WANDER = 2e-5
"""Random walk of the offset, in seconds per square root of a second: each new estimate of LSL's clocks moves stamps."""
_RATE_WANDER = 3e-7
"""Random walk of the rate, as a fraction per square root of a second: crystals follow their temperature."""


@dataclass(slots=True)
class OffsetFilter:
    """Kalman filter of a clock's offset and rate; the fields are its whole state."""

    drift: float = 0.0
    """Fraction by which a sample's period is longer than the nominal one."""
    drift_variance: float = RATE_PRIOR**2
    """Variance of `drift`."""
    offset_variance: float = 0.0
    """Variance of the offset, in s²."""
    covariance: float = 0.0
    """Covariance of offset and drift, in s."""

    @property
    def drift_error(self) -> float:
        """Standard deviation of `drift`, with what the filter underestimates."""
        return ERROR_INFLATION * math.sqrt(self.drift_variance)

    def restart(self, variance: float) -> None:
        """Forget the offset, not the rate: the clock was set by a stamp of this variance (s²)."""
        self.offset_variance, self.covariance = variance, 0.0

    def forget_rate(self) -> None:
        """Make the rate as uncertain as at the start, so that the next residuals move it quickly."""
        self.drift_variance = RATE_PRIOR**2

    def predict(self, seconds: float) -> None:
        """Let time pass: the errors of offset and rate grow."""
        p00, p01, p11 = self.offset_variance, self.covariance, self.drift_variance
        self.offset_variance = p00 + 2 * seconds * p01 + seconds**2 * p11 + _WANDER**2 * seconds
        self.covariance = p01 + seconds * p11
        self.drift_variance = p11 + _RATE_WANDER**2 * seconds

    def is_outlier(self, residual: float, variance: float) -> bool:
        """Return whether a residual (s) of this variance (s²) is beyond what `correct` follows."""
        return abs(residual) > OUTLIER * math.sqrt(self.offset_variance + variance)

    def correct(self, residual: float, variance: float) -> float:
        """Take a residual (s) of this variance (s²) in; return the seconds to add to the clock's offset."""
        total = self.offset_variance + variance
        limit = OUTLIER * math.sqrt(total)
        cut = min(max(residual, -limit), limit)
        offset_gain, drift_gain = self.offset_variance / total, self.covariance / total
        self.drift += drift_gain * cut
        self.drift_variance -= drift_gain * self.covariance
        self.covariance *= 1.0 - offset_gain
        self.offset_variance *= 1.0 - offset_gain
        return offset_gain * cut
