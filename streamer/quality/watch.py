"""Watches the signal as it comes: what is wrong with which electrode, from when to when, and how the bands sit."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from messages.signal import Chunk, Layout
from streamer.conditioning.corrections import Corrections
from streamer.conditioning.placement import SURE, Fit, fit, normalised
from streamer.quality._second import Window, Windows
from streamer.quality.rules import AT_ONCE, Fault, Judge

FloatArray = npt.NDArray[np.float64]

REMEMBERED = 30
"""Seconds that are looked back upon."""
HOLD, LONG_HOLD = 3, 15
"""Seconds without a fault after which it counts as over: one that shows at once, and one that an average tells, which
other things (a clench) may drown for a while."""
_PLACE_EVERY = 5  # seconds from one look at how the bands sit to the next
_SWAPPED_AT = 2  # seconds behind it whether they are swapped: some milliseconds each, not all at once
ENOUGH = 15
"""Seconds of somebody typing from which on the way the bands sit can be told."""
TYPING = 6.0
"""dB between the louder seconds and the quietest of the last ones: then somebody has typed, not only rested."""


@dataclass(frozen=True, slots=True)
class Reference:
    """How the signal was when all was well, with its corrections applied."""

    levels: FloatArray
    """(bands, electrodes) dB over 1 squared unit while typing."""
    pattern: FloatArray
    """(bands, 2, electrodes, electrodes): see `streamer.conditioning.placement.fit`."""

    def beside(self, other: "Reference") -> tuple[Fit, ...]:
        """How each band sits against another time."""
        return tuple(fit(*pair) for pair in zip(self.pattern, other.pattern, strict=True))

    def swapped(self, other: "Reference", fits: Sequence[Fit]) -> bool:
        """Whether each band is more like another one's past than like its own; `fits`: as `beside` says."""
        strangers = [
            sum(fit(now, other.pattern[band]).distance for now, band in zip(self.pattern, order, strict=True))
            for order in permutations(range(len(fits)))
            if all(band != place for place, band in enumerate(order))
        ]
        return sum(found.distance for found in fits) > SURE * min(strangers, default=np.inf)


@dataclass(frozen=True, slots=True)
class Change:
    """A fault begins or ends."""

    fault: Fault
    begun: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """How the signal is."""

    rate: float
    """Samples per second, as measured; NaN: nothing was."""
    step: float
    """Least difference between two values, in the layout's unit; infinity: none was seen."""
    levels: FloatArray
    """(bands, electrodes) rms in the muscles' band over the last seconds, in the layout's unit."""


class SignalWatch:
    """Samples in, faults out. It looks at whole seconds, counted in samples, so no cut of the input shows.

    Args:
        layout: Of the samples, uncorrected as they come.
        corrections: How they are corrected afterwards.
        reference: To tell a band that was turned, or a level that drifts; None: neither is told.
    """

    def __init__(
        self, layout: Layout, corrections: Corrections | None = None, reference: Reference | None = None
    ) -> None:
        corrections = corrections or Corrections()
        self._layout = layout
        self._order = [place.order(layout.electrodes) for place in corrections.placements(layout)]
        self._gain = 20 * np.log10(np.array(corrections.gain or (1.0,) * layout.bands))[:, None]  # dB
        self._windows = Windows(layout)
        self._judge = Judge(layout)
        self._reference = reference
        self._buffer = np.empty((self._windows.samples, layout.bands, layout.electrodes), np.float32)
        self._times = np.empty(self._windows.samples)
        self.reset()

    def reset(self) -> None:
        """Forget the past, and all faults."""
        self._windows.reset()
        self._filled = 0
        self._past: deque[Window] = deque(maxlen=REMEMBERED)
        self._seconds = 0
        self._since: dict[Fault, int] = {}
        self._placed: list[Fault] = []
        self._swapped: list[Fault] = []
        self.fits: tuple[Fit, ...] = ()
        """How each band sits against the reference, corrections applied; empty: not known yet."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those that are there now."""
        return tuple(self._since)

    def push(self, chunk: Chunk) -> list[Change]:
        """What these samples change."""
        changes: list[Change] = []
        start = 0
        while start < len(chunk.times):
            taken = min(len(chunk.times) - start, len(self._times) - self._filled)
            into = slice(self._filled, self._filled + taken)
            self._buffer[into] = chunk.samples[start : start + taken]
            self._times[into] = chunk.times[start : start + taken]
            self._filled += taken
            start += taken
            if self._filled == len(self._times):
                self._filled = 0
                changes += self._second()
        return changes

    def _second(self) -> list[Change]:
        self._past.append(self._windows.describe(self._buffer, self._times))
        self._seconds += 1
        look = self._seconds % _PLACE_EVERY
        if self._reference and look in (0, _SWAPPED_AT) and (now := self.learn()):
            if look == 0:
                self._placed = self._place(now, self._reference)
            elif self.fits:
                self._swapped = [Fault("swapped")] if now.swapped(self._reference, self.fits) else []
        found = [*self._judge.faults(self._past), *(self._swapped or self._placed)]
        begun = [fault for fault in found if fault not in self._since]
        passing = {fault: age + 1 for fault, age in self._since.items() if fault not in found}
        self._since = dict.fromkeys(found, 0) | passing
        ended = [fault for fault, age in self._since.items() if age >= (HOLD if fault.code in AT_ONCE else LONG_HOLD)]
        for fault in ended:
            del self._since[fault]
        return [Change(fault, True) for fault in begun] + [Change(fault, False) for fault in ended]

    def figures(self) -> Figures:
        """How the signal is, by the last ten seconds (the levels: three)."""
        recent = list(self._past)[-10:]
        rates = [window.rate for window in recent if np.isfinite(window.rate)]
        shape = (self._layout.bands, self._layout.electrodes)
        power = np.mean([window.power for window in recent[-3:]], axis=0) if recent else np.full(shape, np.nan)
        step = min((window.step for window in recent), default=np.inf)
        return Figures(float(np.median(rates)) if rates else np.nan, step, np.sqrt(power))

    def learn(self) -> Reference | None:
        """The signal of the last half minute as a reference; None: too little of it, or nobody typed."""
        if len(self._past) < ENOUGH:
            return None
        levels = 10 * np.log10(np.array([window.power for window in self._past]) + 1e-9)  # (n, bands, electrodes)
        loud = np.quantile(levels, 0.75, axis=0)
        if (np.median(loud - levels.min(axis=0), axis=-1) < TYPING).any():
            return None
        together = np.mean([window.together for window in self._past], axis=0)
        coactive = normalised(np.mean([window.coactive for window in self._past], axis=0))
        pattern = np.stack([together, coactive], axis=1)  # (bands, 2, electrodes, electrodes)
        for band, order in enumerate(self._order):
            loud[band] = loud[band][order]
            pattern[band] = pattern[band][:, order][:, :, order]
        return Reference(loud + self._gain, pattern)

    def _place(self, now: Reference, reference: Reference) -> list[Fault]:
        self.fits = now.beside(reference)
        return list(self._judge.placed(self.fits, now.levels, reference.levels))
