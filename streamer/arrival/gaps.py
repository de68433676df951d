"""A signal with missing samples: short holes are passed on to be masked, longer gaps break it off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.signal import F32, Chunk, Layout
from streamer.arrival._holes import HoleFiller

MAX_GAP = 0.2
"""Seconds of missing samples up to which frames are masked, as in training; beyond, decoding starts anew."""
_HOLE = 0.025
"""Seconds from one sample to the next that are a hole: less is jitter, or a batch of equal stamps in a session file."""


@dataclass(frozen=True, slots=True)
class GapsState:
    """What `Gaps` remembers of the samples before the next one."""

    before_holes: float | None
    """Time (s) of the newest sample since the last break; None: there is none."""
    newest: float | None
    """Time (s) of the newest sample; None: there is none."""
    runs: npt.NDArray[np.int64]
    """(bands,): missing samples of each band up to now."""
    broken: bool
    """Whether the signal is broken off until all bands are there."""


class Gaps:
    """Chunks in; pieces to decode and breaks out, however they are cut.

    Plan
        Inputs: chunks, whose samples may be NaN or lack in their times. Output: pieces of it, None for a break.

        State: the newest time, how many samples up to it are missing in each band, and whether the signal is off.

        Rules: a sample that is not finite is missing in its band. Up to `longest` s of missing samples are passed on as
        NaN, and shorter holes in the times are filled with NaN. Where more is missing, or times step back or leap
        further, the signal breaks off; it goes on with the first sample that all bands have.
    """

    def __init__(self, layout: Layout, longest: float) -> None:
        """Begin.

        Args:
            layout: Layout of the chunks.
            longest: Seconds that may be missing without a break.
        """
        self._most = round(longest * layout.rate)
        self._bands = layout.bands
        self._holes = HoleFiller(layout.rate, _HOLE, longest)
        self.reset()

    def reset(self) -> None:
        """Forget the past: before the next sample nothing is missing."""
        self._holes.reset()
        self._newest: float | None = None
        self._runs = np.zeros(self._bands, np.int64)  # missing samples of each band up to now
        self._broken = False  # off, until all bands are there

    @property
    def state(self) -> GapsState:
        """The newest sample, and what was missing up to it."""
        return GapsState(self._holes.newest, self._newest, self._runs.copy(), self._broken)

    @state.setter
    def state(self, state: GapsState) -> None:
        self._holes.newest = state.before_holes
        self._newest, self._runs, self._broken = state.newest, state.runs.copy(), state.broken

    def push(self, chunk: Chunk) -> list[Chunk | None]:
        """Return the pieces to decode, in order; None where the text is to be finished and decoding to begin anew."""
        pieces: list[Chunk | None] = []
        before = chunk.times[:1] if self._newest is None else np.array([self._newest])
        apart = np.diff(chunk.times, prepend=before)
        self._newest = float(chunk.times[-1]) if len(chunk.times) else self._newest
        leaps = np.flatnonzero((apart > self._holes.widest) | (apart < 0)).tolist()
        starts = leaps if leaps[:1] == [0] else [0, *leaps]
        for start, end in zip(starts, [*starts[1:], len(chunk.times)], strict=True):
            if start in leaps:
                if not self._broken:
                    pieces.append(None)
                self._holes.reset()
                self._runs[:] = 0
            rows = slice(start, end)
            samples, times = self._holes.push(chunk.samples[rows], chunk.times[rows])
            pieces += self._split(Chunk(samples, times, chunk.layout))
        return pieces

    def _split(self, chunk: Chunk) -> list[Chunk | None]:
        """Return the pieces of a chunk without leaps in time; None where too many samples are missing."""
        if not len(chunk.times):
            return []
        missing = _missing(chunk.samples)
        if not missing.any() and not self._broken:
            self._runs[:] = 0
            return [chunk]
        pieces: list[Chunk | None] = []
        start = 0
        for row, absent in enumerate(missing):
            self._runs = (self._runs + 1) * absent
            if self._broken:
                self._broken = bool(absent.any())
                start = row + self._broken
            elif self._runs.max() > self._most:
                pieces += [self._part(chunk, start, row), None]
                self._broken, start = True, row + 1
        pieces.append(self._part(chunk, start, len(chunk.times)))
        return [piece for piece in pieces if piece is None or len(piece.times)]

    @staticmethod
    def _part(chunk: Chunk, start: int, end: int) -> Chunk:
        return Chunk(chunk.samples[start:end], chunk.times[start:end], chunk.layout)


def _missing(samples: F32) -> npt.NDArray[np.bool_]:
    """Return in which bands (T, bands) samples (T, bands, electrodes) are missing."""
    return ~np.asarray(np.isfinite(samples).all(axis=-1), np.bool_)
