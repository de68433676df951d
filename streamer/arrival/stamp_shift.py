"""Stamps of a clock that is not the receiver's, moved to the receiver's clock.

Plan
    Inputs: the stamps of each delivery, the time of its arrival, and whether younger samples wait. Output: the stamps,
    moved by a constant (`seconds`), which is 0 for a well-behaved device.

    Rules, by the age of the newest sample of a delivery:
    1. more than 15 s old, or an hour ahead: no backlog explains it. The stamps move at once, so that this sample is
       taken as of now.
    2. more than 1 s old for 0.3 s, while nothing younger waits: a backlog would come at once, so this is another clock
       as well. The stamps move by the smallest age in these 0.3 s.
    3. otherwise nothing moves: the samples are late, and are dropped or decoded by their true age.
"""

from dataclasses import dataclass

import numpy as np

from messages.signal import F64

_AHEAD_S = 3600.0
"""Seconds that a stamp may lie ahead of its arrival: it does no harm, but more is another clock."""
_BACKLOG_S = 15.0
"""Age of a sample that no backlog explains."""
_BEHIND_S = 1.0
"""Age that the newest samples may have where none wait."""
_BEHIND_FOR_S = 0.3
"""Seconds for which all samples have to be that old."""


@dataclass(slots=True)
class ShiftState:
    """State of a `StampShift`. It changes in place: copy it to keep it."""

    seconds: float = 0.0
    """Seconds added to the stamps."""
    old_since: float | None = None
    """Arrival (s) of the first delivery since which all samples are old and none waits; None: they are not."""
    old_age: float = 0.0
    """The smallest age (s) of a newest sample since then."""


class StampShift:
    """Stamps in, and out as they are or moved. See the module's plan."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the past: stamps are the receiver's until they show otherwise."""
        self.state = ShiftState()
        """State of the shift: copy it to keep it, set it to go on from there."""

    @property
    def seconds(self) -> float:
        """Seconds added to the stamps."""
        return self.state.seconds

    def push(self, stamps: F64, arrived: float, *, drained: bool) -> F64:
        """Return the stamps (T,) s of one delivery, moved.

        Args:
            stamps: (T,) seconds on the receiver's clock as far as the sender knows, oldest first, T at least 1.
            arrived: Time of their arrival on that clock, in s.
            drained: Whether nothing younger waits.
        """
        moved = np.asarray(stamps + self.state.seconds)
        step = self._step(arrived - float(moved[-1]), arrived, drained=drained)
        self.state.seconds += step
        return moved + step

    def _step(self, age: float, arrived: float, *, drained: bool) -> float:
        """Return by how many seconds the stamps have to move further, for a newest sample of this age (s)."""
        state = self.state
        if age <= _BEHIND_S or not drained:
            state.old_since = None
        elif state.old_since is None:
            state.old_since, state.old_age = arrived, age
        else:
            state.old_age = min(state.old_age, age)
        step = 0.0
        if state.old_since is not None and arrived - state.old_since >= _BEHIND_FOR_S:
            step = state.old_age
        elif not -_AHEAD_S <= age <= _BACKLOG_S:
            step = age
        if step:
            state.old_since = None
        return step
