"""Whether a process keeps memory that it should give back."""

GROWTH = 2.0
"""MB that a process may keep more than after its warm-up."""


class Kept:
    """Memory of a process as inputs come: its lows, since peaks come and go.

    The first fifth of the inputs is warm-up: buffers fill, what is remembered reaches its bounds.
    """

    def __init__(self) -> None:
        self._mb: list[float] = []

    def push(self, mb: float) -> None:
        """After an input."""
        self._mb.append(mb)

    @property
    def growth(self) -> float:
        """MB from the lowest in the second fifth to the lowest in the last."""
        count = len(self._mb)
        second, last = self._mb[count // 5 : 2 * count // 5], self._mb[4 * count // 5 :]
        return max(0.0, min(last) - min(second)) if second else 0.0

    @property
    def peak(self) -> float:
        """MB from the first input to the highest."""
        return max(self._mb) - self._mb[0] if self._mb else 0.0
