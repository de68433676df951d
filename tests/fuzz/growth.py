"""Measure whether a process keeps memory that it should give back."""

import ctypes
from collections.abc import Callable
from pathlib import Path

GROWTH = 2.0
"""MB by which repeated inputs may raise the memory of a process."""
AGAIN = 0.6
"""Share of the inputs that are new; then they are repeated from the first."""
Progress = Callable[[int], float]
"""Count of inputs so far → share of the work done; the end is at 1."""


def own_memory() -> float:
    """Return the MB of this process, without pages of files and without memory that glibc has free.

    The system keeps pages of files as it likes. A small allocation behind free memory keeps many free MB with the
    process.
    """
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024


class MemoryGrowth:
    """The memory of a process over its inputs: the lows count, since peaks come and go.

    An input that needs more memory than all before it raises the low for good, and is no leak. So growth is measured on
    repeated inputs: `again` marks where the repetition begins.
    """

    def __init__(self) -> None:
        self._mb: list[float] = []
        self._again: int | None = None

    def push(self, mb: float) -> None:
        """Add the memory after an input."""
        self._mb.append(mb)

    def again(self) -> None:
        """Mark that the inputs are repeated from here on."""
        self._again = len(self._mb)

    @property
    def growth(self) -> float:
        """MB from the lowest just before the repetition to the lowest at the end."""
        if self._again is None or not (count := (len(self._mb) - self._again) // 6):
            return 0.0
        return max(0.0, min(self._mb[-count:]) - min(self._mb[max(0, self._again - count) : self._again]))

    @property
    def peak(self) -> float:
        """MB from the first input to the highest."""
        return max(self._mb) - self._mb[0] if self._mb else 0.0
