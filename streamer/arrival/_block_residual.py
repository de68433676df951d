"""The mean residual of a block of samples: the evidence of its time stamps about the clock.

Plan
    A residual is the stamp of a sample minus its time by the clock. Drivers often stamp a whole batch alike, when its
    newest sample came; so in a run of equal stamps only the last residual counts, and it counts in the block of its own
    sample. Whether a stamp is the last of its run shows in its successor: until then it is `pending`. The sum is made
    one residual after the other, so that it does not depend on how the samples were cut.
"""

import math
from dataclasses import dataclass

import numpy as np

from messages.signal import F64
from streamer.arrival._jitter import FADING


@dataclass(slots=True)
class BlockResidual:
    """Residuals of the block that is being filled; the fields are its whole state."""

    longest_batch: int
    """Largest number of equal stamps that is taken for one batch; a longer run is a source whose stamps stand still."""
    total: float = 0.0
    """Sum of the block's residuals so far, in s."""
    count: int = 0
    """Number of residuals in the sum."""
    pending: tuple[float, float] | None = None
    """The newest stamp and its residual, in s, until its successor shows whether it is the last of its run."""
    run: int = 1
    """Length of the run of equal stamps up to the newest one."""
    batch: float = 1.0
    """Samples in the longest batch of the last seconds; it fades."""

    def restart(self) -> None:
        """Forget the block and the pending stamp; the longest batch stays."""
        self.total, self.count = 0.0, 0
        self.pending = None

    def push(self, stamps: F64, residuals: F64) -> None:
        """Take the next stamps (T,) and residuals (T,) of the block, in s; those that are not finite do not count."""
        if self.pending is not None:
            stamps = np.concatenate([[self.pending[0]], stamps])
            residuals = np.concatenate([[self.pending[1]], residuals])
        is_last = stamps[1:] != stamps[:-1]
        if is_last.all():
            self.run = 1 if len(is_last) else self.run
        else:
            for ends_run in is_last.tolist():
                self.run = 1 if ends_run else self.run + 1
                self.batch = max(self.batch, min(self.run, self.longest_batch))
        counted = residuals[:-1][is_last]
        counted = counted[np.isfinite(counted)]
        self.total = float(np.cumsum(np.concatenate([[self.total], counted]))[-1])
        self.count += len(counted)
        self.pending = float(stamps[-1]), float(residuals[-1])

    def finish(self, successor: float) -> float | None:
        """End the block before the next sample's stamp (s); return the mean residual (s), None where there is none."""
        if self.pending is not None and self.pending[0] != successor:
            if math.isfinite(self.pending[1]):
                self.total += self.pending[1]
                self.count += 1
            self.pending = None
            self.run = 1
        self.batch = max(1.0, self.run, FADING * self.batch)
        mean = self.total / self.count if self.count else None
        self.total, self.count = 0.0, 0
        return mean

    def follow(self, correction: float) -> None:
        """Count the pending residual from the clock after its correction (s)."""
        if self.pending is not None:
            self.pending = self.pending[0], self.pending[1] - correction
