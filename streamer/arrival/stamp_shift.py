"""Stamps that are of another clock than whoever receives them: their samples are taken as of when they come."""

import numpy as np

from streamer.arrival._sample_clock import FloatArray

_FUTURE = 3600.0  # seconds that a stamp may lie ahead of now: it does no harm, but more is another clock
_OLD = 15.0  # seconds behind now beyond which no backlog explains a stamp
_BEHIND = 1.0  # seconds behind now that the newest samples may be, where none wait
_ALWAYS = 0.3  # seconds of nothing but such: a backlog comes at once


class StampShift:
    """Stamps in, and out as they are or moved."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Added to the stamps."""
        self._least: tuple[float, float] | None = None  # since when all was old, and how old the youngest of it

    def push(self, stamps: FloatArray, arrived: float, *, drained: bool) -> FloatArray:
        """The stamps (T,) s of what came together, oldest first, T at least 1.

        Args:
            stamps: Seconds on the receiver's clock, as far as the sender knows.
            arrived: Seconds on that clock: when they came.
            drained: Whether nothing younger waits.
        """
        moved = np.asarray(stamps + self.seconds)
        step = self._step(arrived - float(moved[-1]), arrived, drained=drained)
        self.seconds += step
        return moved + step

    def _step(self, age: float, arrived: float, *, drained: bool) -> float:
        if age <= _BEHIND or not drained:
            self._least = None
        else:
            since, least = self._least or (arrived, age)
            self._least = since, min(least, age)
        behind = self._least is not None and arrived - self._least[0] >= _ALWAYS
        if -_FUTURE <= age <= _OLD and not behind:
            return 0.0
        step = self._least[1] if behind and self._least else age
        self._least = None
        return step
