"""Is the signal as strong as muscles make it, or is its unit another one than was said?"""

import math

import numpy as np
import numpy.typing as npt

from messages.signal import Chunk, Layout

MUSCLES = (1.0, 500.0)
"""µV rms that sEMG has on the skin, from an amplifier's noise at rest to a clench."""
_TYPICAL = 15.0  # µV rms while typing: a unit is told by the power of a thousand that brings the level nearest to it
_DOUBTED = (0.1, 2000.0)  # µV rms: beyond the noise of the best amplifier and the strongest muscle, and further
_FLAT = 1e-9  # µV rms: nothing at all, which is no matter of units
_SECONDS = 0.25  # that are judged at a time
_AGREED = 2  # judgements in a row that change what is believed


class UnitCheck:
    """Samples in; out come those that can be in the unit that was said, however they are cut."""

    def __init__(self, layout: Layout) -> None:
        """`layout`: in µV."""
        self._layout = layout
        self._size = round(_SECONDS * layout.rate)
        self.reset()

    def reset(self) -> None:
        """Forget the past: what comes is believed until half a second says otherwise."""
        self._heard: list[npt.NDArray[np.float32]] = []
        self._count = 0
        self._judged = [0] * self._layout.bands
        self._wrong = 0
        self.problem = ""
        """A sentence about the unit while samples are withheld."""

    def push(self, chunk: Chunk) -> list[Chunk]:
        """What of these samples is to be decoded, in order."""
        passed: list[Chunk] = []
        start = 0
        while start < len(chunk.times):
            part = slice(start, min(len(chunk.times), start + self._size - self._count))
            self._heard.append(chunk.samples[part])
            self._count += part.stop - start
            start = part.stop
            if not self.problem:
                passed.append(Chunk(chunk.samples[part], chunk.times[part], chunk.layout))
            if self._count == self._size:
                self._judge(np.concatenate(self._heard))
                self._heard.clear()
                self._count = 0
        return passed

    def _judge(self, samples: npt.NDArray[np.float32]) -> None:
        finite = samples[np.isfinite(samples).all(axis=(1, 2))]
        if len(finite) < self._size // 2:
            return
        levels = np.median(finite.astype(np.float64).std(axis=0), axis=-1).tolist()  # (bands,)
        strange = [
            (side, level)
            for side, level in zip(self._layout.sides, levels, strict=True)
            if level > _FLAT and not _DOUBTED[0] <= level <= _DOUBTED[1]
        ]
        self._wrong = min(self._wrong + 1, _AGREED) if strange else 0
        if not self._wrong:
            self.problem = ""
        elif self._wrong == _AGREED:
            self.problem = "; ".join(self._sentence(side, level) for side, level in strange)

    def _sentence(self, side: str, level: float) -> str:
        thousands = round(math.log10(level / _TYPICAL) / 3) or math.copysign(1, level - _TYPICAL)
        factor, how = 1000.0 ** abs(thousands), "large" if thousands > 0 else "small"
        return (
            f"the {side} band is at {level:.3g} µV rms, expected {MUSCLES[0]:g} to {MUSCLES[1]:g}: its values are "
            f"about {factor:,.0f} times too {how}, correct the unit that its stream states; nothing is decoded before"
        )
