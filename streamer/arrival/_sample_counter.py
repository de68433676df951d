"""Samples that number themselves, put in order again, with the number of samples lost before each.

Plan
    Inputs: samples in the order of their arrival, with their stamps and the numbers that the device gave them, modulo
    `modulus`. Output: the same samples in the order of their numbers, each once, and how many are lost before each.

    State: number and stamp of the newest sample that went out, and the samples that wait.

    Rules for a sample, by the number of samples missing between the newest one and it:
    1. none missing: it goes out, and after it every waiting sample that follows without a hole.
    2. up to 50 ms missing: it waits, since packets overtake each other in a radio.
    3. more missing while others wait: the missing ones are lost, the waiting ones go out, and it is judged anew.
    4. behind the newest one by up to a second, with a stamp that is no younger: it comes twice or too late, and is
       dropped. The same holds for the number of a waiting sample.
    5. half the range missing, or stamps that contradict the number by more than a second: the device counts anew.
       How many it lost before is UNKNOWN.

Tried and rejected
    Letting nothing wait and dropping every sample behind a younger one: each packet that another one overtook was then
    lost, though it had come.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.signal import F32, F64
from streamer.arrival._sample_clock import UNKNOWN

Numbers = npt.NDArray[np.int64]

_BEHIND_S = 1.0
"""Seconds of samples by which one may come twice or too late; one further behind is from a device that counts anew."""
_DOUBT_S = 1.0
"""Seconds by which stamps may contradict the count of lost samples before the count is not believed."""
_WAIT_S = 0.05
"""Seconds of samples that wait behind missing ones, which may still come: two or three packets of a radio."""


@dataclass(slots=True)
class CounterState:
    """State of a `SampleCounter` without its counts. It changes in place: copy it deeply to keep it."""

    last: int | None = None
    """Number of the newest sample that went out; None: there is none."""
    stamp: float = -math.inf
    """Stamp of that sample, in s."""
    waiting: tuple[F32, F64, Numbers] | None = None
    """Samples (T, channels) that wait for missing ones, their stamps (T,) s and numbers (T,), as they arrived."""


class SampleCounter:
    """Samples in; in the order of their numbers out, however they are cut. See the module's plan."""

    def __init__(self, rate: float, modulus: int) -> None:
        """Begin.

        Args:
            rate: Samples per second.
            modulus: The numbers count from 0 up to this, and again from 0.
        """
        self._rate = rate
        self._modulus = modulus
        self._behind = round(_BEHIND_S * rate)
        self._wait = round(_WAIT_S * rate)
        self.lost = 0
        """Samples that were sent and never came, or not in time, over all resets."""
        self.repeated = 0
        """Samples dropped because they came twice, or too late to be put in order, over all resets."""
        self.reordered = 0
        """Samples that came behind younger ones and were put in order, over all resets."""
        self.recounted = 0
        """How often the device began to count anew, over all resets; how many samples it lost before is not known."""
        self.reset()

    def reset(self) -> None:
        """Forget the newest number; the counts stay."""
        self.state = CounterState()
        """State of the counter: copy it to keep it, set it to go on from there."""

    def push(self, samples: F32, stamps: F64, numbers: Numbers) -> tuple[F32, F64, Numbers]:
        """Put samples in order.

        Args:
            samples: (T, channels).
            stamps: (T,) seconds, which tell a loss from a device that counts anew.
            numbers: (T,), from 0 up to the modulus.

        Returns:
            Samples (T', channels), their stamps (T',) s, and the number lost before each (T',), UNKNOWN where a
            device counts anew. A sample behind missing ones comes out as soon as these have come, or a sample that is
            50 ms younger.
        """
        state = self.state
        if state.waiting is None and self._is_in_turn(stamps, numbers):
            state.last, state.stamp = int(numbers[-1]), float(stamps[-1])
            return samples, stamps, np.zeros(len(stamps), np.int64)
        waiting = 0
        if state.waiting is not None:
            waiting = len(state.waiting[1])
            samples, stamps, numbers = (
                np.concatenate([state.waiting[0], samples]),
                np.concatenate([state.waiting[1], stamps]),
                np.concatenate([state.waiting[2], numbers]),
            )
        rows = {int(number): row for row, number in enumerate(numbers[:waiting])}
        ordered = list(self._ordered(numbers.tolist(), stamps.tolist(), rows, waiting))
        still = sorted(rows.values())
        state.waiting = (samples[still], stamps[still], numbers[still]) if still else None
        order = [row for row, _ in ordered]
        return samples[order], stamps[order], np.array([lost for _, lost in ordered], np.int64)

    def _is_in_turn(self, stamps: F64, numbers: Numbers) -> bool:
        """Return whether each sample follows the one before, so that there is nothing to put in order."""
        last = self.state.last
        if last is None or not len(numbers):
            return False
        follows = np.diff(numbers, prepend=last) % self._modulus == 1
        return bool(follows.all()) and not bool((np.abs(np.diff(stamps, prepend=self.state.stamp)) > _DOUBT_S).any())

    def _ordered(
        self, numbers: list[int], stamps: list[float], waiting: dict[int, int], first: int
    ) -> Iterator[tuple[int, int]]:
        """Yield rows in order, each with the number of samples lost before it.

        Args:
            numbers: Of all rows, in the order of their arrival.
            stamps: Of all rows, in s.
            waiting: Rows that wait, by their number; the rows that go out are taken from it.
            first: The first row that is new.
        """
        for row in range(first, len(numbers)):
            number, stamp = numbers[row], stamps[row]
            missing = UNKNOWN if self.state.last is None else self._missing_before(number)
            is_behind = missing >= self._modulus - self._behind - 1
            if number in waiting or (is_behind and stamp <= self.state.stamp):
                self.repeated += 1
                continue
            # Half the range ahead may as well be half the range behind.
            is_doubtful = abs(stamp - self.state.stamp - missing / self._rate) > _DOUBT_S
            if missing >= self._modulus // 2 or is_doubtful:
                self.recounted += missing > 0
                missing = UNKNOWN
            while waiting and (missing > self._wait or missing == UNKNOWN):
                oldest = min(waiting, key=self._missing_before)
                lost = self._missing_before(oldest)
                self.lost += lost
                yield self._pass(waiting.pop(oldest), lost, oldest, stamps)
                yield from self._successors(waiting, stamps)
                missing = missing if missing == UNKNOWN else self._missing_before(number)
            if 0 < missing <= self._wait:
                waiting[number] = row
                continue
            self.reordered += bool(waiting)
            self.lost += max(0, missing)
            yield self._pass(row, missing, number, stamps)
            yield from self._successors(waiting, stamps)

    def _successors(self, waiting: dict[int, int], stamps: list[float]) -> Iterator[tuple[int, int]]:
        """Yield the waiting rows that follow the newest sample without a hole."""
        while waiting and (number := ((self.state.last or 0) + 1) % self._modulus) in waiting:
            yield self._pass(waiting.pop(number), 0, number, stamps)

    def _pass(self, row: int, lost: int, number: int, stamps: list[float]) -> tuple[int, int]:
        """Make a row the newest one; return it with the number of samples lost before it."""
        self.state.last, self.state.stamp = number, stamps[row]
        return row, lost

    def _missing_before(self, number: int) -> int:
        """Return the number of samples between the newest one and this one."""
        return (number - (self.state.last or 0) - 1) % self._modulus
