"""Samples that have come in but are not decoded yet, and the last ones that are."""

from dataclasses import dataclass

import numpy as np

from messages.signal import F32, F64, Chunk, Layout


class RingOverflowError(Exception):
    """More samples were pushed than the ring has room for; none of them was taken."""


@dataclass(frozen=True, slots=True)
class RingState:
    """The samples in a ring, oldest first."""

    samples: F32
    """(T, bands, electrodes): those kept after they were popped, then those waiting."""
    times: F64
    """(T,) seconds."""
    waiting: int
    """How many of them wait, at the end."""


class Ring:
    """A bounded first-in first-out of samples: chunks of any size in, blocks of a wanted size out."""

    def __init__(self, layout: Layout, capacity: int, history: int = 0) -> None:
        """`capacity`: samples that may wait; `history`: samples kept after they were popped, for `recent`."""
        self.layout = layout
        self.capacity = capacity
        self.history = history
        self._samples = np.empty((capacity + history, layout.bands, layout.electrodes), np.float32)
        self._times = np.empty(capacity + history)
        self.reset()

    def __len__(self) -> int:
        """Return the number of samples that wait."""
        return self._count

    @property
    def free(self) -> int:
        """Samples that fit in."""
        return self.capacity - self._count

    def reset(self) -> None:
        """Drop the samples waiting, and those kept."""
        self._oldest = 0
        self._count = 0
        self._kept = 0

    def push(self, chunk: Chunk) -> None:
        """Append; raises RingOverflowError, and takes nothing, where the chunk does not fit in whole."""
        if len(chunk.times) > self.free:
            raise RingOverflowError(
                f"{len(chunk.times)} samples came, only {self.free} of the ring's {self.capacity} are free: pop first"
            )
        at = self._positions(self._oldest + self._count, len(chunk.times))
        self._samples[at] = chunk.samples
        self._times[at] = chunk.times
        self._count += len(chunk.times)

    def pop(self, count: int) -> Chunk | None:
        """Return the oldest `count` samples, or None while fewer are waiting."""
        if count > self._count:
            return None
        at = self._positions(self._oldest, count)
        self._oldest = (self._oldest + count) % len(self._times)
        self._count -= count
        self._kept = min(self._kept + count, self.history)
        return Chunk(self._samples[at], self._times[at], self.layout)  # indexing by positions copies

    def recent(self) -> Chunk:
        """Return the last `history` samples popped since the reset, and those waiting; both stay."""
        at = self._positions(self._oldest - self._kept, self._kept + self._count)
        return Chunk(self._samples[at], self._times[at], self.layout)

    @property
    def state(self) -> RingState:
        """All samples that are kept or wait."""
        recent = self.recent()
        return RingState(recent.samples, recent.times, self._count)

    @state.setter
    def state(self, state: RingState) -> None:
        self.reset()
        self._kept, self._count = len(state.times) - state.waiting, state.waiting
        self._oldest = self._kept
        at = self._positions(0, len(state.times))
        self._samples[at] = state.samples
        self._times[at] = state.times

    def _positions(self, start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.arange(start, start + count, dtype=np.int64) % len(self._times)
