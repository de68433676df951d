"""The jitter of time stamps: how far the mean stamp of a block lies from the clock, as a standard deviation.

Plan
    Inputs: the residual of each block (s), in order. State: the newest differences of successive residuals, counting
    steps back alone. Rule: the jitter is the 95 % quantile of these differences, divided by what that quantile is for
    residuals of standard deviation 1 (Q95_DIFFERENCE).

Why steps back alone
    A late packet steps the stamps forward and then back; lost samples without numbers, and a clock that runs slowly,
    step them forward only. So neither passes for jitter.

Tried and rejected
    The running variance of the residuals about the clock: lost packets raised it, so that in streams without sample
    numbers gaps no longer stood out from it. The 90 % quantile of the differences' absolute values: losses
    without numbers, where they are more than one block in ten, passed for jitter, and in the end for another rate.
"""

import math
from collections import deque
from dataclasses import dataclass, field

Q95_DIFFERENCE = 1.645 * math.sqrt(2)
"""95 % quantile of the difference of two residuals, in standard deviations of one."""
FADING = 0.998
"""Share that is kept of a largest value at each block of 32 samples: at 2 kHz it is forgotten within ten seconds."""
_INITIAL_S = 0.02
"""Jitter that is assumed until enough blocks are known."""
_SMALLEST_S = 1e-4
"""Smallest jitter that is believed: clock synchronisation itself moves stamps by that."""
_BLOCKS = 64
"""Newest blocks whose differences count; a quarter of them are enough to begin with."""
_QUANTILE = 0.95
"""Quantile of the differences: packets of up to ten blocks are long enough to show in it."""


@dataclass(slots=True)
class Jitter:
    """Estimate of the jitter; the fields are its whole state."""

    variance: float = _INITIAL_S**2
    """Variance of a block's residual, in s²."""
    largest: float = 0.0
    """Largest jitter of the last seconds, in s; it fades."""
    steps_back: deque[float] = field(default_factory=lambda: deque(maxlen=_BLOCKS))
    """Seconds by which each of the newest residuals stepped back from the one before, 0 where it did not."""
    previous: float | None = None
    """Residual of the block before, in s, against the clock as corrected since; None: there is none to compare with."""

    @property
    def deviation(self) -> float:
        """Standard deviation of a block's residual, in s."""
        return math.sqrt(self.variance)

    def update(self, residual: float) -> None:
        """Take the residual (s) of the next block into the estimate."""
        if self.previous is not None:
            self.steps_back.append(max(0.0, self.previous - residual))
        if len(self.steps_back) >= _BLOCKS // 4:
            quantile = sorted(self.steps_back)[int(_QUANTILE * len(self.steps_back))]
            self.variance = max(_SMALLEST_S, quantile / Q95_DIFFERENCE) ** 2
            self.largest = max(self.deviation, FADING * self.largest)
