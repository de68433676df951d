"""Samples whose level no muscle makes in the unit that their stream states: withheld, with a notice.

Plan
    Inputs: chunks in µV. Output: the same, but for those that come while the level is impossible.

    State: the samples of the quarter of a second that is being filled, the number of bad quarters in a row (at most
    2), and the notices that are in force.

    Rules: every quarter of a second the level of each band is judged: the median over its electrodes of the standard
    deviation. A band is doubted between a flat line and 0.1 µV, and beyond 2000 µV. Two doubted quarters in a row
    withhold what follows; one good quarter lets it pass again. A flat line is no matter of units, and a quarter
    with more than half of its samples missing is not judged.

    The factor in the notice is a power of a thousand, the one that brings the level nearest to that of typing.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from messages.notice import Notice
from messages.signal import F32, Chunk, Layout

MUSCLES_UV = (1.0, 500.0)
"""Level (µV rms) of sEMG on the skin, from an amplifier's noise at rest to a clench."""
_TYPING_UV = 15.0
"""Usual level (µV rms) while typing."""
_POSSIBLE_UV = (0.1, 2000.0)
"""Levels (µV rms) that are not doubted: from below the noise of the best amplifier to beyond the strongest muscle."""
_FLAT_UV = 1e-9
"""Level (µV rms) of a line without any signal."""
_QUARTER_S = 0.25
"""Seconds of samples that are judged together."""
_BAD_QUARTERS = 2
"""Doubted quarters in a row after which samples are withheld."""


@dataclass(slots=True)
class UnitState:
    """State of a `UnitCheck`. It changes in place: copy it deeply to keep it."""

    samples: list[F32] = field(default_factory=list)
    """Samples (T, bands, electrodes) of the quarter of a second that is being filled."""
    count: int = 0
    """Number of these samples."""
    bad_quarters: int = 0
    """Doubted quarters in a row up to now, at most `_BAD_QUARTERS`."""
    notices: tuple[Notice, ...] = ()
    """A notice for each band whose level is impossible, while samples are withheld."""


class UnitCheck:
    """Chunks in; those that can be in the stated unit out, however they are cut. See the module's plan."""

    def __init__(self, layout: Layout) -> None:
        """Begin.

        Args:
            layout: Layout of the chunks, in µV.
        """
        self._layout = layout
        self._size = round(_QUARTER_S * layout.rate)
        self.reset()

    def reset(self) -> None:
        """Forget the past: samples pass until half a second of them is doubted."""
        self.state = UnitState()
        """State of the check: copy it to keep it, set it to go on from there."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """A notice for each band whose level is impossible, while samples are withheld."""
        return self.state.notices

    def push(self, chunk: Chunk) -> list[Chunk]:
        """Return the parts of a chunk that are not withheld, in order."""
        state = self.state
        passed: list[Chunk] = []
        start = 0
        while start < len(chunk.times):
            part = slice(start, min(len(chunk.times), start + self._size - state.count))
            state.samples.append(chunk.samples[part])
            state.count += part.stop - start
            start = part.stop
            if not state.notices:
                passed.append(Chunk(chunk.samples[part], chunk.times[part], chunk.layout))
            if state.count == self._size:
                self._judge(np.concatenate(state.samples))
                state.samples.clear()
                state.count = 0
        return passed

    def _judge(self, samples: F32) -> None:
        """Decide from a quarter of a second (T, bands, electrodes) whether the next one passes."""
        finite = samples[np.isfinite(samples).all(axis=(1, 2))]
        if len(finite) < self._size // 2:
            return
        # (bands,) µV rms
        levels = np.median(finite.astype(np.float64).std(axis=0), axis=-1).tolist()
        doubted = [
            (side, level)
            for side, level in zip(self._layout.sides, levels, strict=True)
            if level > _FLAT_UV and not _POSSIBLE_UV[0] <= level <= _POSSIBLE_UV[1]
        ]
        state = self.state
        state.bad_quarters = min(state.bad_quarters + 1, _BAD_QUARTERS) if doubted else 0
        if not state.bad_quarters:
            state.notices = ()
        elif state.bad_quarters == _BAD_QUARTERS:
            state.notices = tuple(_notice(side, level) for side, level in doubted)


def _notice(side: str, level: float) -> Notice:
    """Return the notice about a band of an impossible level (µV rms)."""
    thousands = round(math.log10(level / _TYPING_UV) / 3) or math.copysign(1, level - _TYPING_UV)
    values = {
        "level": level,
        "lowest": MUSCLES_UV[0],
        "highest": MUSCLES_UV[1],
        "factor": 1000.0 ** abs(thousands),
        "size": "large" if thousands > 0 else "small",
    }
    return Notice("wrong-unit", side, values)
