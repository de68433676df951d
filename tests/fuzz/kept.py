"""Whether a process keeps memory that it should give back."""

import ctypes
from collections.abc import Callable
from pathlib import Path

GROWTH = 2.0
"""MB that a process may keep of inputs that it has had before."""
AGAIN = 0.6
"""Share of the inputs that are new; then the first of them come a second time."""
Progress = Callable[[int], float]
"""How many inputs there were → the share of all that is done; the end is at 1."""


def own_memory() -> float:
    """MB of this process: not of files, which the system keeps in memory as it likes, nor what glibc has free.

    Of what is free, one small allocation behind it keeps many MB with the process, until it goes.
    """
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024


class Kept:
    """Memory of a process as inputs come: its lows, since peaks come and go.

    An input that wants more than all before it raises the low for good, and is no leak. So growth is what is kept of
    inputs that came before: `again` says that from there on they all did.
    """

    def __init__(self) -> None:
        self._mb: list[float] = []
        self._again: int | None = None

    def push(self, mb: float) -> None:
        """After an input."""
        self._mb.append(mb)

    def again(self) -> None:
        """Inputs come a second time from here on."""
        self._again = len(self._mb)

    @property
    def growth(self) -> float:
        """MB from the lowest just before they came again to the lowest at the end."""
        if self._again is None or not (count := (len(self._mb) - self._again) // 6):
            return 0.0
        return max(0.0, min(self._mb[-count:]) - min(self._mb[max(0, self._again - count) : self._again]))

    @property
    def peak(self) -> float:
        """MB from the first input to the highest."""
        return max(self._mb) - self._mb[0] if self._mb else 0.0
