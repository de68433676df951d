"""Samples that number themselves: in order again, with what was lost before each, and what came twice or too late."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from streamer.arrival._sample_clock import UNKNOWN, FloatArray

_BEHIND = 1.0  # seconds of samples that may come again or late; what lies further back is a source that counts anew
_DOUBT = 1.0  # seconds by which stamps may contradict the count of lost samples before nothing is known
_WAIT = 0.05
"""Seconds of samples that are held back behind missing ones, which may still come: two or three packets of a radio."""

Samples = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


class SampleCounter:
    """Samples in; in the order of their numbers out, however they are cut."""

    def __init__(self, rate: float, numbers: int) -> None:
        """`rate`: samples per second; `numbers`: what they are counted modulo."""
        self._rate = rate
        self._numbers = numbers
        self._behind = round(_BEHIND * rate)
        self._wait = round(_WAIT * rate)
        self.lost = 0
        """Samples that were sent and never came, or not in time."""
        self.repeated = 0
        """Samples dropped because they came again, or too late to be put in order."""
        self.reordered = 0
        """Samples that came behind younger ones, and were put in order."""
        self.recounted = 0
        """How often the source began to count anew: what was lost then, nobody can tell."""
        self.reset()

    def reset(self) -> None:
        """Begin with whatever number comes next; the counts stay."""
        self._last: int | None = None
        self._stamp = -math.inf
        self._early: tuple[Samples, FloatArray, Numbers] | None = None  # held back, in the order in which they came

    def push(self, samples: Samples, stamps: FloatArray, numbers: Numbers) -> tuple[Samples, FloatArray, Numbers]:
        """Samples (T', channels) in order, their stamps (T',) s, and how many were lost before each of them.

        UNKNOWN of these where nobody can tell. A sample behind missing ones comes out when they have come, or one that
        is 50 ms younger.

        Args:
            samples: (T, channels).
            stamps: (T,) seconds, to tell a loss from a source that counts anew.
            numbers: (T,) counted from 0 up to the modulus and again from 0.
        """
        if self._early is None and self._in_turn(stamps, numbers):
            self._last, self._stamp = int(numbers[-1]), float(stamps[-1])
            return samples, stamps, np.zeros(len(stamps), np.int64)
        held = 0
        if self._early is not None:
            held = len(self._early[1])
            samples, stamps, numbers = (
                np.concatenate([self._early[0], samples]),
                np.concatenate([self._early[1], stamps]),
                np.concatenate([self._early[2], numbers]),
            )
        early = {int(number): row for row, number in enumerate(numbers[:held])}
        turns = list(self._turns(numbers.tolist(), stamps.tolist(), early, held))
        kept = sorted(early.values())
        self._early = (samples[kept], stamps[kept], numbers[kept]) if kept else None
        order = [row for row, _ in turns]
        return samples[order], stamps[order], np.array([missing for _, missing in turns], np.int64)

    def _in_turn(self, stamps: FloatArray, numbers: Numbers) -> bool:
        """Whether each sample is the next one: nothing is to be looked at any closer."""
        if self._last is None or not len(numbers):
            return False
        follow = np.diff(numbers, prepend=self._last) % self._numbers == 1
        return bool(follow.all()) and not bool((np.abs(np.diff(stamps, prepend=self._stamp)) > _DOUBT).any())

    def _turns(
        self, numbers: list[int], stamps: list[float], early: dict[int, int], held: int
    ) -> Iterator[tuple[int, int]]:
        """Rows in order, and how many samples were lost before each; `early` has the rows held back, by number."""
        for row in range(held, len(numbers)):
            number, stamp = numbers[row], stamps[row]
            missing = UNKNOWN if self._last is None else self._missing(number)
            if number in early or (missing >= self._numbers - self._behind - 1 and stamp <= self._stamp):
                self.repeated += 1
                continue
            # Half the range ahead is as well half behind.
            if missing >= self._numbers // 2 or abs(stamp - self._stamp - missing / self._rate) > _DOUBT:
                self.recounted += missing > 0
                missing = UNKNOWN
            while early and (missing > self._wait or missing == UNKNOWN):
                first = min(early, key=self._missing)
                lost = self._missing(first)
                self.lost += lost
                yield self._take(early.pop(first), lost, first, stamps)
                yield from self._followers(early, stamps)
                missing = missing if missing == UNKNOWN else self._missing(number)
            if 0 < missing <= self._wait:
                early[number] = row
                continue
            self.reordered += bool(early)
            self.lost += max(0, missing)
            yield self._take(row, missing, number, stamps)
            yield from self._followers(early, stamps)

    def _followers(self, early: dict[int, int], stamps: list[float]) -> Iterator[tuple[int, int]]:
        """Those that were held back and are the next ones now."""
        while early and (number := ((self._last or 0) + 1) % self._numbers) in early:
            yield self._take(early.pop(number), 0, number, stamps)

    def _take(self, row: int, missing: int, number: int, stamps: list[float]) -> tuple[int, int]:
        self._last, self._stamp = number, stamps[row]
        return row, missing

    def _missing(self, number: int) -> int:
        """Samples between the last one and this one."""
        return (number - (self._last or 0) - 1) % self._numbers
