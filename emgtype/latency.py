"""How long stages take, as percentiles over a bounded memory."""

import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

_KEPT = 20_000  # newest durations per stage: minutes, and percentiles of them in less than a millisecond


def percentiles(values: ArrayLike) -> dict[str, float]:
    """p50, p95, p99 and max of some values; empty for none."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        return {}
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(values.max())}


class StageTimer:
    """Handed to the pipeline as its observer: `with timer("encoder"): ...`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: defaultdict[str, array[float]] = defaultdict(lambda: array("f"))  # a list took 32 bytes each
        self._oldest: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = self._clock()
        try:
            yield
        finally:
            self._keep(stage, self._clock() - start)

    def _keep(self, stage: str, seconds: float) -> None:
        kept = self._seconds[stage]
        if len(kept) < _KEPT:
            kept.append(seconds)
        else:
            kept[self._oldest[stage]] = seconds
            self._oldest[stage] = (self._oldest[stage] + 1) % _KEPT

    def report(self) -> Mapping[str, dict[str, float]]:
        """Milliseconds of every stage: {"encoder": {"p50": ..., "p95": ..., "p99": ..., "max": ...}, ...}."""
        return {
            stage: percentiles(1e3 * np.array(seconds, dtype=np.float64)) for stage, seconds in self._seconds.items()
        }
