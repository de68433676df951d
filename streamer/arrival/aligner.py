"""Two bands, two streams, one chunk: samples paired by their time stamps on the first band's sample grid."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.signal import BandChunk, Chunk, Layout, joined

_TOLERANCE = 0.75
"""Sample periods that a pair may be apart. On two even grids the nearest is at most half a period away; the rest is for
the jitter of stamps, without which two bands in antiphase would lose samples to rounding. More is a gap."""


@dataclass(slots=True)
class _Band:
    """Samples of one band that are not paired yet, oldest first."""

    samples: npt.NDArray[np.float32]
    times: npt.NDArray[np.float64]


class BandAligner:
    """Pairs bands that come as separate streams on one clock.

    Each sample of the first band is joined by the first sample of every other band that is not more than half a period
    older: on even grids the nearest one, and known at once, while "the nearest" would need its successor, a whole
    packet later, whenever the other clock is read a few µs behind. A sample of another band may serve twice or never:
    that is how a faster and a slower clock stay together. What comes out does not depend on how, or in which order, the
    bands came in, as long as no buffer overflows.

    Args:
        layout: What comes out.
        capacity: Seconds of each band kept while another one is silent. Beyond it the oldest are dropped.
    """

    def __init__(self, layout: Layout, capacity: float = 2.0) -> None:
        self._layout = layout
        self._capacity = round(capacity * layout.rate)
        self._half = 0.5 / layout.rate
        self._apart = _TOLERANCE / layout.rate
        self.reset()

    def reset(self) -> None:
        """Forget all samples and counts."""
        empty = np.empty((0, self._layout.electrodes), dtype=np.float32)
        self._bands = [_Band(empty, np.empty(0)) for _ in self._layout.sides]
        self.overflowed = 0
        """Samples dropped because another band was silent for too long."""
        self.unpaired = 0
        """Samples of the first band dropped because another band had a gap there, or had not begun."""
        self.restarts = 0
        """How often the times of a band stepped back: its source started anew, and what was left of it was dropped."""
        self.distance = 0.0
        """Seconds: the largest distance in time within a pair of the last chunk."""

    @property
    def waiting_for(self) -> int:
        """The band heard the least far: only samples of this one can bring out a chunk."""
        newest = [band.times[-1] if len(band.times) else -np.inf for band in self._bands]
        return int(np.argmin(newest))

    def push(self, chunk: BandChunk) -> Chunk | None:
        """Take samples of one band; give what is paired by them, or None.

        Raises:
            ValueError: Shapes that do not fit the layout, or a band that it has not.
        """
        samples, times = chunk.samples, chunk.times
        if samples.shape != (len(times), self._layout.electrodes) or not 0 <= chunk.band < self._layout.bands:
            raise ValueError(f"samples of shape {samples.shape} of band {chunk.band} do not fit {self._layout}")
        steps = (np.flatnonzero(np.diff(times) < 0) + 1).tolist()
        bounds = zip([0, *steps], [*steps, len(times)], strict=True)
        pieces = [self._take(chunk.band, samples[start:end], times[start:end]) for start, end in bounds]
        return joined([piece for piece in pieces if piece is not None])

    def _take(self, number: int, samples: npt.NDArray[np.float32], times: npt.NDArray[np.float64]) -> Chunk | None:
        band = self._bands[number]
        if len(times) and len(band.times) and times[0] < band.times[-1]:
            self.restarts += 1
            _drop(band, len(band.times))
        band.samples = np.concatenate([band.samples, samples])
        band.times = np.concatenate([band.times, times])
        paired = self._pair()
        for each in self._bands:
            excess = len(each.times) - self._capacity
            if excess > 0:
                self.overflowed += excess
                _drop(each, excess)
        return paired

    def _pair(self) -> Chunk | None:
        first, *others = self._bands
        heard = min((band.times[-1] if len(band.times) else -np.inf for band in others), default=np.inf)
        ready = int(np.searchsorted(first.times - self._half, heard, side="right"))
        if ready == 0:
            return None
        times = first.times[:ready]
        kept = np.ones(ready, dtype=np.bool_)
        partners = [first.samples[:ready]]
        distances = [np.zeros(ready)]
        for band in others:
            partner = np.searchsorted(band.times, times - self._half)  # there is one: it has been heard so far
            distances.append(np.abs(band.times[partner] - times))
            kept &= distances[-1] <= self._apart
            partners.append(band.samples[partner])
            _drop(band, int(partner[-1]))  # the last may serve the next as well
        _drop(first, ready)
        self.unpaired += ready - int(kept.sum())
        if not kept.any():
            return None
        self.distance = float(np.max(distances, axis=0)[kept].max())
        samples = np.stack([each[kept] for each in partners], axis=1)  # (T, electrodes) each → (T, bands, electrodes)
        return Chunk(samples, times[kept], self._layout)


def _drop(band: _Band, count: int) -> None:
    band.samples = band.samples[count:]
    band.times = band.times[count:]
