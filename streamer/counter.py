"""Samples that number themselves: what was lost before each, and what came twice or too late."""

import math

import numpy as np
import numpy.typing as npt

from streamer.clock import UNKNOWN, FloatArray

_BEHIND = 1.0  # seconds of samples that may come again or late; what lies further back is a source that counts anew
_DOUBT = 1.0  # seconds by which stamps may contradict the count of lost samples before nothing is known


class SampleCounter:
    """Numbers in, losses out, however they are cut."""

    def __init__(self, rate: float, numbers: int) -> None:
        """`rate`: samples per second; `numbers`: what they are counted modulo."""
        self._rate = rate
        self._numbers = numbers
        self._behind = round(_BEHIND * rate)
        self.lost = 0
        """Samples that were sent and never came in their turn."""
        self.repeated = 0
        """Samples dropped because they came again, or behind younger ones."""
        self.reset()

    def reset(self) -> None:
        """Begin with whatever number comes next; the counts stay."""
        self._last: int | None = None
        self._stamp = -math.inf

    def push(self, numbers: npt.NDArray[np.int64], stamps: FloatArray) -> tuple[npt.NDArray[np.bool_], list[int]]:
        """What to keep, and of what is kept how many samples were lost before each (UNKNOWN: nobody can tell).

        Args:
            numbers: (T,) counted from 0 up to the modulus and again from 0.
            stamps: (T,) seconds, to tell a loss from a source that counts anew.
        """
        kept = np.ones(len(numbers), np.bool_)
        lost: list[int] = []
        for place, (number, stamp) in enumerate(zip(numbers.tolist(), stamps.tolist(), strict=True)):
            missing = UNKNOWN if self._last is None else (number - self._last - 1) % self._numbers
            if missing >= self._numbers - self._behind - 1 and stamp <= self._stamp:
                kept[place] = False
                self.repeated += 1
                continue
            # Half the range ahead is as well half behind.
            if missing >= self._numbers // 2 or abs(stamp - self._stamp - missing / self._rate) > _DOUBT:
                missing = UNKNOWN
            self.lost += max(0, missing)
            lost.append(missing)
            self._last, self._stamp = number, stamp
        return kept, lost
