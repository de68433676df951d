"""The clock of a stream: when each sample was taken, from a count of the samples and their jittery time stamps.

Plan
    Operations: stamps go in, times come out, sample for sample, at once (no look ahead), whatever the pieces.

    Goals: times rise evenly; they follow the device's drift; a gap in the signal is a gap in the times, of its true
    length; a batch with one stamp for all its samples does no harm.

    State (`ClockState`): two straight lines from sample number to time. `estimate` is the best knowledge; it is
    corrected once per block of 32 samples. `output` gives the times; it runs at the estimate's rate and nears it
    slowly, so that a correction never shows as a step. Beside them the offset filter, the jitter and the block's
    residuals, each in a module of its own.

    Rules, in order:
    1. A stamp steps if it lies further from the estimate than jitter explains: then it is a gap (forward, where
       samples are not numbered) or a source that began anew (backward). Both lines are set to that stamp. Where samples
       are numbered, the numbers alone show losses, and only a stamp that is a second off steps.
    2. Otherwise the times are those of `output`, and the residuals are added to the block.
    3. At the end of a block, the mean residual corrects the estimate. The next line of output is laid so that it meets
       the estimate after one block, but never more than 2 % (10 % where far) faster or slower than the estimate.
    4. If 16 blocks in a row lie far to one side of the estimate and close together, the device's clock has jumped: so
       does the estimate, and the output follows by rule 3.

    Warning: times must not depend on the cut. Everything that changes the lines happens at block borders or at a
    stamp that steps, never at the end of a piece; sums are made sample after sample.

Source
    Clock recovery of packet networks: see `_offset_filter`.

Tried and rejected
    liblsl's own dejittering: it smooths over gaps. A smallest step of 25 ms instead of 5: single lost packets (16 ms)
    passed for jitter. 16 far blocks as a jump of the clock whatever their scatter: jitter that begins or ends looks
    like that, too; hence the bound on the scatter and the memory of the largest jitter. Times that step back whenever
    samples follow too soon: a delay that was taken for a gap then broke decoding off; hence `_EARLY_S`.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from messages.signal import F64
from streamer.arrival._block_residual import BlockResidual
from streamer.arrival._jitter import Jitter
from streamer.arrival._offset_filter import OUTLIER, OffsetFilter

UNKNOWN = -1
"""Number of samples lost before a sample where the samples are not numbered."""
_BLOCK = 32
"""Samples whose stamps correct the clock together: about one packet of a radio."""
_SLEW = 0.02
"""Fraction by which the output may run faster or slower than the estimate to meet it."""
_FAST_SLEW = 0.1
"""The same where the output is more than `_FAR_BEHIND_S` away from the estimate."""
_FAR_BEHIND_S = 0.01
_SMALLEST_STEP_S = 0.005
"""Smallest distance of a stamp from the estimate that is a step, and of a jumped clock that is reported as one."""
_LARGEST_STEP_S = 0.2
"""Distance of a stamp from the estimate that is a step whatever the jitter."""
_STEP = 8.0
"""Distance of a stamp from the estimate that is a step, in standard deviations of the jitter."""
_COUNTED_STEP_S = 1.0
"""Distance of a stamp from the estimate that is a step where the samples are numbered."""
_EARLY_S = 0.06
"""Seconds that samples may follow too soon before their times step back; two bands may be so far apart."""
_JUMP_BLOCKS = 16
"""Blocks far to one side of the estimate after which the device's clock may have jumped."""
_JUMP = 5.0
"""Distance of these blocks from the estimate, in standard deviations of their own scatter, that makes it a jump."""


@dataclass(slots=True)
class _Line:
    """A straight line from the number of a sample to its time."""

    time: float
    """Time of the sample `number`, in s."""
    number: int
    period: float
    """Seconds from sample to sample."""

    def times(self, numbers: npt.NDArray[np.int64]) -> F64:
        """Return the times (T,) s of the samples of these numbers (T,)."""
        return self.time + (numbers - self.number).astype(np.float64) * self.period

    def move(self, number: int) -> None:
        """Count from another sample; the line stays the same."""
        self.time += (number - self.number) * self.period
        self.number = number


@dataclass(slots=True)
class ClockState:
    """State of a `SampleClock` without its counts. It changes in place: copy it deeply to keep it."""

    estimate: _Line
    output: _Line
    block: BlockResidual
    offset: OffsetFilter = field(default_factory=OffsetFilter)
    jitter: Jitter = field(default_factory=Jitter)
    running: bool = False
    """Whether a stamp has set the lines."""
    fresh: bool = True
    """Whether the lines were set by the stamp of the next sample."""
    next: int = 0
    """Number of the next sample."""
    filled: int = 0
    """Samples of the block so far."""
    far: list[float] = field(default_factory=list)
    """Mean residuals (s) of the newest blocks, as long as all of them are outliers."""


class SampleClock:
    """Stamps in, times out, sample for sample; see the module's plan."""

    def __init__(self, rate: float) -> None:
        """Begin.

        Args:
            rate: Nominal samples per second.
        """
        self._nominal = 1.0 / rate
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        block = BlockResidual(round(_LARGEST_STEP_S / self._nominal))
        self.state = ClockState(_Line(0.0, 0, self._nominal), _Line(0.0, 0, self._nominal), block)
        """State of the clock: copy it to keep it, set it to go on from there."""
        self.steps = 0
        """How often the stamps stepped back, or to another time than the count of samples: another clock."""
        self.gaps = 0.0
        """Seconds that the stamps stepped forward where samples are not numbered: probably lost samples."""

    @property
    def drift(self) -> float:
        """Fraction by which more samples than nominal come in a second."""
        return 1.0 / (1.0 + self.state.offset.drift) - 1.0

    @property
    def drift_error(self) -> float:
        """Standard deviation of `drift`."""
        return self.state.offset.drift_error

    @property
    def jitter(self) -> float:
        """Standard deviation of a block's stamps about the clock, in s."""
        return self.state.jitter.deviation

    def push(self, stamps: F64, lost: npt.NDArray[np.int64]) -> F64:
        """Return when these samples were taken.

        Args:
            stamps: (T,) seconds; a stamp that is not finite does not count.
            lost: (T,) samples known to be lost before each; UNKNOWN where samples are not numbered.

        Returns:
            (T,) seconds; they rise by nearly a period each, but for gaps, and fall only where `steps` says so.
        """
        state = self.state
        times = np.empty(len(stamps))
        start = 0
        while start < len(stamps):
            if state.running and state.filled == _BLOCK:
                self._finish_block(float(stamps[start]))
            if not state.running:
                self._set(float(stamps[start]))
            end = min(len(stamps), start + _BLOCK - state.filled)
            start += self._take(stamps[start:end], lost[start:end], times[start:end])
        return times

    def _take(self, stamps: F64, lost: npt.NDArray[np.int64], times: F64) -> int:
        """Fill in the times of samples of one block.

        Returns:
            The number of samples taken: all, or those before a stamp that steps, from which on the lines are new.
        """
        state = self.state
        numbers = state.next + np.arange(len(stamps)) + np.cumsum(np.maximum(lost, 0))
        residuals = stamps - state.estimate.times(numbers)
        steps = self._steps(residuals, lost)
        if steps.any():
            row = int(np.argmax(steps))
            if row:
                self._take(stamps[:row], lost[:row], times[:row])
            due = float(state.output.times(numbers[row : row + 1])[0])
            self._step(float(stamps[row]), float(residuals[row]), due, counted=bool(lost[row] != UNKNOWN))
            return row
        state.fresh = False
        times[:] = state.output.times(numbers)
        state.block.push(stamps, residuals)
        state.filled += len(stamps)
        state.next = int(numbers[-1]) + 1
        return len(stamps)

    def _steps(self, residuals: F64, lost: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which stamps (T,) lie further from the estimate than jitter explains."""
        limit = min(max(_STEP * self.jitter, _SMALLEST_STEP_S), _LARGEST_STEP_S)
        # The first sample of a batch is stamped too late by the length of the batch.
        batch = self.state.block.batch * self._nominal
        uncounted = lost == UNKNOWN
        steps: npt.NDArray[np.bool_] = (residuals > np.where(uncounted, limit + batch, _COUNTED_STEP_S)) | (
            residuals < -np.where(uncounted, limit, _COUNTED_STEP_S)
        )
        steps[0] &= not self.state.fresh
        return steps

    def _step(self, stamp: float, residual: float, due: float, *, counted: bool) -> None:
        """Set the lines to a stamp (s) that steps, whose sample was due at another time (s)."""
        state = self.state
        # A forward step may have been a delay instead of a gap: samples that follow too soon take it back, and unless
        # they are far too soon, the times wait for them instead of stepping back.
        backward = stamp < due - _EARLY_S
        self.steps += backward or counted
        if not counted:
            self.gaps += max(0.0, stamp - due)
            if residual < 0 and not backward:
                # More likely than not this is jitter that begins.
                state.jitter.steps_back.append(-residual)
        self._set(stamp, -math.inf if backward else due)

    def _set(self, stamp: float, earliest: float = -math.inf) -> None:
        """Set both lines to a stamp (s); the rate stays known. The output begins no earlier than `earliest` (s)."""
        state = self.state
        state.running = state.fresh = True
        state.next = state.filled = 0
        time = stamp if math.isfinite(stamp) else 0.0
        state.estimate = _Line(time, 0, self._nominal * (1.0 + state.offset.drift))
        state.output = _Line(max(time, earliest), 0, state.estimate.period)
        state.offset.restart(state.jitter.variance)
        state.jitter.previous = None
        state.block.restart()
        state.far = []

    def _finish_block(self, successor: float) -> None:
        """End a block, whose successor's stamp (s) is known: correct the estimate, and lay the next line of output."""
        state, estimate, output = self.state, self.state.estimate, self.state.output
        state.offset.predict((state.next - estimate.number) * estimate.period)
        residual = state.block.finish(successor)
        correction = 0.0
        if residual is not None:
            state.jitter.update(residual)
            correction = self._correction(residual)
            state.jitter.previous = residual - correction
        estimate.move(state.next)
        estimate.time += correction
        estimate.period = self._nominal * (1.0 + state.offset.drift)
        state.block.follow(correction)
        output.move(state.next)
        behind = estimate.time - output.time
        slew = (_SLEW if abs(behind) < _FAR_BEHIND_S else _FAST_SLEW) * _BLOCK * self._nominal
        output.period = estimate.period + min(max(behind, -slew), slew) / _BLOCK
        state.filled = 0

    def _correction(self, residual: float) -> float:
        """Return the seconds to add to the estimate after a block of this mean residual (s)."""
        offset, variance = self.state.offset, self.state.jitter.variance
        self.state.far = [*self.state.far, residual] if offset.is_outlier(residual, variance) else []
        if len(self.state.far) == _JUMP_BLOCKS and self._jumps():
            offset.restart(variance)
            return residual
        return offset.correct(residual, variance)

    def _jumps(self) -> bool:
        """Return whether 16 far blocks are a clock that has jumped, and not jitter that has just begun."""
        mean, scatter = abs(float(np.mean(self.state.far))), float(np.std(self.state.far))
        self.state.far = []
        if mean <= _JUMP * scatter:
            return False
        # When jitter ends, all packets come as early as the earliest did before: that is no other clock.
        self.steps += mean > max(_SMALLEST_STEP_S, OUTLIER * self.state.jitter.largest)
        if mean <= _SMALLEST_STEP_S:
            # The clock did not jump: jitter has led the rate astray.
            self.state.offset.forget_rate()
        return True
