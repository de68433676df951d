"""Durations of stages as percentiles, over a bounded number of the newest ones."""

import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

_NEWEST = 20_000
"""Durations per stage that count: minutes of them, and their percentiles take less than a millisecond."""


def percentiles(values: ArrayLike) -> dict[str, float]:
    """Return p50, p95, p99 and max of some values; an empty dict for none."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        return {}
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(values.max())}


class StageTimer:
    """Measures the stages of a pipeline as its observer: `with timer("encoder"): ...`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Measure by a clock in seconds."""
        self._clock = clock
        # Arrays, not lists: a float in a list takes 32 bytes.
        self._seconds: defaultdict[str, array[float]] = defaultdict(lambda: array("f"))
        self._oldest: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure the block as one call of a stage."""
        start = self._clock()
        try:
            yield
        finally:
            self._record(stage, self._clock() - start)

    def _record(self, stage: str, seconds: float) -> None:
        newest = self._seconds[stage]
        if len(newest) < _NEWEST:
            newest.append(seconds)
        else:
            newest[self._oldest[stage]] = seconds
            self._oldest[stage] = (self._oldest[stage] + 1) % _NEWEST

    def report(self) -> Mapping[str, dict[str, float]]:
        """Return milliseconds of every stage: {"encoder": {"p50": ..., "p95": ..., "p99": ..., "max": ...}, ...}."""
        return {
            stage: percentiles(1e3 * np.array(seconds, dtype=np.float64)) for stage, seconds in self._seconds.items()
        }
