"""Bands that come as separate streams on one clock, paired sample by sample by their times.

Plan
    Inputs: samples of one band at a time, with times. Output: chunks of all bands on the first band's sample grid.

    State: the samples of each band that are not paired yet.

    Rules:
    1. A sample of the first band is joined by the first sample of every other band that is not more than half a period
       older. On even grids that is the nearest one, and it is known at once.
    2. If that sample is more than 0.75 periods away, the other band has a gap there: the first band's sample is left
       out, and counted.
    3. A sample of another band may serve twice or never: so a faster and a slower clock stay together.
    4. Where times of a band step back, its source began anew: its waiting samples are dropped.
    5. A band that waits for a silent one keeps `capacity` seconds; beyond them the oldest samples are dropped.

    The chunks do not depend on how, or in which order, the bands came in, as long as no buffer overflows.

Tried and rejected
    Waiting for the nearest sample itself: it shows only in its successor, a whole packet later whenever the other
    clock is read a few µs behind.
"""

from dataclasses import dataclass

import numpy as np

from messages.signal import F32, F64, BandChunk, Chunk, Layout, joined

_TOLERANCE = 0.75
"""Sample periods that a pair may be apart. On two even grids the nearest is at most half a period away; the rest is for
the jitter of stamps, without which two bands in antiphase would lose samples to rounding. More is a gap."""


@dataclass(slots=True)
class _Band:
    """Samples of one band that are not paired yet, oldest first."""

    samples: F32
    """(T, electrodes)."""
    times: F64
    """(T,) seconds."""

    @property
    def newest(self) -> float:
        """Time of the newest sample, in s; -inf where there is none."""
        return float(self.times[-1]) if len(self.times) else -np.inf

    def drop(self, count: int) -> None:
        """Drop the oldest samples."""
        self.samples = self.samples[count:]
        self.times = self.times[count:]


class BandAligner:
    """Samples of single bands in; chunks of all bands out. See the module's plan.

    Args:
        layout: Layout of the chunks.
        capacity: Seconds of each band kept while another one is silent. Beyond it the oldest are dropped.
    """

    def __init__(self, layout: Layout, capacity: float = 2.0) -> None:
        self._layout = layout
        self._capacity = round(capacity * layout.rate)
        self._half_period = 0.5 / layout.rate
        self._tolerance = _TOLERANCE / layout.rate
        self.reset()

    def reset(self) -> None:
        """Forget all samples and counts."""
        empty = np.empty((0, self._layout.electrodes), dtype=np.float32)
        self.bands = [_Band(empty, np.empty(0)) for _ in self._layout.sides]
        """The samples of each band that are not paired yet: all that the aligner remembers but its counts."""
        self.overflowed = 0
        """Samples dropped because another band was silent for too long."""
        self.unpaired = 0
        """Samples of the first band dropped because another band had a gap there, or had not begun."""
        self.restarts = 0
        """How often the times of a band stepped back: its source began anew, and its waiting samples were dropped."""
        self.distance = 0.0
        """Largest distance in time within a pair of the last chunk, in s."""

    @property
    def waiting_for(self) -> int:
        """Band whose newest sample is the oldest: only samples of this one can bring out a chunk."""
        return int(np.argmin([band.newest for band in self.bands]))

    def push(self, chunk: BandChunk) -> Chunk | None:
        """Take samples of one band in; return what is paired by them, or None.

        Raises:
            ValueError: Shapes that do not fit the layout, or a band that it has not.
        """
        samples, times = chunk.samples, chunk.times
        if samples.shape != (len(times), self._layout.electrodes) or not 0 <= chunk.band < self._layout.bands:
            raise ValueError(f"samples of shape {samples.shape} of band {chunk.band} do not fit {self._layout}")
        steps = (np.flatnonzero(np.diff(times) < 0) + 1).tolist()
        bounds = zip([0, *steps], [*steps, len(times)], strict=True)
        pieces = [self._take(self.bands[chunk.band], samples[start:end], times[start:end]) for start, end in bounds]
        return joined([piece for piece in pieces if piece is not None])

    def _take(self, band: _Band, samples: F32, times: F64) -> Chunk | None:
        """Do what `push` does, for times that do not step back among themselves."""
        if len(times) and times[0] < band.newest:
            self.restarts += 1
            band.drop(len(band.times))
        band.samples = np.concatenate([band.samples, samples])
        band.times = np.concatenate([band.times, times])
        paired = self._pair()
        for each in self.bands:
            excess = len(each.times) - self._capacity
            if excess > 0:
                self.overflowed += excess
                each.drop(excess)
        return paired

    def _pair(self) -> Chunk | None:
        """Return the pairs that are complete, and drop their samples."""
        first, *others = self.bands
        reached = min((band.newest for band in others), default=np.inf)
        ready = int(np.searchsorted(first.times - self._half_period, reached, side="right"))
        if ready == 0:
            return None
        times = first.times[:ready]
        is_paired = np.ones(ready, dtype=np.bool_)
        partners = [first.samples[:ready]]
        distances = [np.zeros(ready)]
        for band in others:
            # Every sample has a partner, since the other band has reached its time.
            rows = np.searchsorted(band.times, times - self._half_period)
            distances.append(np.abs(band.times[rows] - times))
            is_paired &= distances[-1] <= self._tolerance
            partners.append(band.samples[rows])
            # The last partner stays: it may serve the next sample as well.
            band.drop(int(rows[-1]))
        first.drop(ready)
        self.unpaired += ready - int(is_paired.sum())
        if not is_paired.any():
            return None
        self.distance = float(np.max(distances, axis=0)[is_paired].max())
        # (T, electrodes) each → (T, bands, electrodes)
        samples = np.stack([each[is_paired] for each in partners], axis=1)
        return Chunk(samples, times[is_paired], self._layout)
