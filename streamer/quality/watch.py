"""Watches the signal while it arrives: which electrode is at fault from when to when, and how the bands sit.

1. Samples are collected into whole seconds, counted in samples, so that no cut of the input shows. Each is measured
   (`streamer.quality._second`), and the last 30 are remembered.
2. After each second the rules name the faults that there are now (`streamer.quality.rules`). A fault begins with the
   first second that shows it, and is over after some seconds without it: three if it shows at once, fifteen if an
   average finds it, because other things (a clench) may drown it for a while.
3. If there is a reference, the last 30 seconds are compared with it every five: how each band sits, how loud it is.
   Two seconds later it is asked whether the bands are swapped, so that not all is calculated at one moment. Bands that
   are swapped are reported instead of where they sit.
4. The last 30 seconds serve as a reference themselves (`learn_reference`) if somebody typed in them.

State: the unfinished second, the last 30 seconds, and for each fault the seconds without it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from messages.signal import F64, Chunk, Layout
from streamer.conditioning.corrections import Corrections
from streamer.conditioning.placement import SURE, Fit, fit, normalised
from streamer.quality._second import SecondMeter, SignalSecond
from streamer.quality.rules import IMMEDIATE, Fault, Judge

REMEMBERED_S = 30
"""Seconds that are remembered."""
HOLD_S, LONG_HOLD_S = 3, 15
"""Seconds without a fault after which it is over: one that shows at once, and one that an average finds."""
_PLACE_EVERY_S = 5
"""Seconds from one look at how the bands sit to the next."""
_SWAPPED_AT_S = 2
"""Seconds after such a look at which swapped bands are looked for."""
ENOUGH_S = 15
"""Seconds of signal that it takes to find out how the bands sit."""
TYPING_DB = 6.0
"""If the louder seconds are this far above the quietest one, somebody has typed and not only rested."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The signal of one wearer when all was well, with its corrections applied."""

    levels: F64
    """(bands, electrodes) dB over 1 squared unit while typing."""
    pattern: F64
    """(bands, 2, electrodes, electrodes): see `streamer.conditioning.placement.fit`."""

    def fits_to(self, reference: "Reference") -> tuple[Fit, ...]:
        """Return how each band sits, compared with a reference."""
        return tuple(fit(now, past) for now, past in zip(self.pattern, reference.pattern, strict=True))

    def is_swapped(self, reference: "Reference", fits: Sequence[Fit]) -> bool:
        """Return whether each band is more like another one's reference than like its own (`fits`, by `fits_to`)."""
        swaps = [
            sum(fit(now, reference.pattern[band]).distance for now, band in zip(self.pattern, order, strict=True))
            for order in permutations(range(len(fits)))
            if all(band != place for place, band in enumerate(order))
        ]
        return sum(own.distance for own in fits) > SURE * min(swaps, default=np.inf)


@dataclass(frozen=True, slots=True)
class Change:
    """The begin or the end of a fault."""

    fault: Fault
    begins: bool
    """False: it is over."""


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Measurements of the last seconds of the signal."""

    rate: float
    """Samples per second, as measured; NaN if there were none."""
    step: float
    """Least difference between two values, in the layout's unit; infinity if none was seen."""
    levels: F64
    """(bands, electrodes) rms in the muscles' band over the last three seconds, in the layout's unit."""


class SignalWatch:
    """Samples in, changes of the faults out; no cut of the input shows."""

    def __init__(
        self, layout: Layout, corrections: Corrections | None = None, reference: Reference | None = None
    ) -> None:
        """Build a watch.

        Args:
            layout: The layout of the samples, which are not corrected yet.
            corrections: The corrections that are applied to them afterwards.
            reference: Tells whether a band was turned, or is louder or fainter than it was; None: nothing does.
        """
        corrections = corrections or Corrections()
        self._layout = layout
        self._order = [place.order(layout.electrodes) for place in corrections.placements(layout)]
        self._gain_db = 20 * np.log10(np.array(corrections.gain or (1.0,) * layout.bands))[:, None]
        self._meter = SecondMeter(layout)
        self._judge = Judge(layout)
        self._reference = reference
        self._samples = np.empty((self._meter.samples, layout.bands, layout.electrodes), np.float32)
        self._times = np.empty(self._meter.samples)
        self.reset()

    def reset(self) -> None:
        """Forget the past, and all faults."""
        self._meter.reset()
        self._filled = 0
        self._past: deque[SignalSecond] = deque(maxlen=REMEMBERED_S)
        self._seconds = 0
        self._seconds_without: dict[Fault, int] = {}
        self._band_faults: list[Fault] = []
        self._swap: list[Fault] = []
        self.fits: tuple[Fit, ...] = ()
        """How each band sits compared with the reference, corrections applied; empty if that is not known yet."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that there are now."""
        return tuple(self._seconds_without)

    def push(self, chunk: Chunk) -> list[Change]:
        """Return the faults that begin or end with these samples."""
        changes: list[Change] = []
        start = 0
        while start < len(chunk.times):
            count = min(len(chunk.times) - start, len(self._times) - self._filled)
            free = slice(self._filled, self._filled + count)
            self._samples[free] = chunk.samples[start : start + count]
            self._times[free] = chunk.times[start : start + count]
            self._filled += count
            start += count
            if self._filled == len(self._times):
                self._filled = 0
                changes += self._finish_second()
        return changes

    def _finish_second(self) -> list[Change]:
        self._past.append(self._meter.measure(self._samples, self._times))
        self._seconds += 1
        self._look_at_bands(self._seconds % _PLACE_EVERY_S)
        current = [*self._judge.faults(self._past), *(self._swap or self._band_faults)]
        new = [fault for fault in current if fault not in self._seconds_without]
        absent = {fault: seconds + 1 for fault, seconds in self._seconds_without.items() if fault not in current}
        self._seconds_without = dict.fromkeys(current, 0) | absent
        over = [fault for fault, seconds in self._seconds_without.items() if seconds >= _hold(fault)]
        for fault in over:
            del self._seconds_without[fault]
        return [Change(fault, True) for fault in new] + [Change(fault, False) for fault in over]

    def _look_at_bands(self, turn: int) -> None:
        """Compare the bands with the reference, in the seconds whose turn it is."""
        if self._reference is None or turn not in (0, _SWAPPED_AT_S) or (now := self.learn_reference()) is None:
            return
        if turn == 0:
            self.fits = now.fits_to(self._reference)
            self._band_faults = list(self._judge.band_faults(self.fits, now.levels, self._reference.levels))
        elif self.fits:
            self._swap = [Fault("swapped")] if now.is_swapped(self._reference, self.fits) else []

    def figures(self) -> Figures:
        """Return measurements of the last ten seconds, and the levels of the last three."""
        recent = list(self._past)[-10:]
        rates = [second.rate for second in recent if np.isfinite(second.rate)]
        shape = (self._layout.bands, self._layout.electrodes)
        power = np.mean([second.power for second in recent[-3:]], axis=0) if recent else np.full(shape, np.nan)
        step = min((second.step for second in recent), default=np.inf)
        return Figures(float(np.median(rates)) if rates else np.nan, step, np.sqrt(power))

    def learn_reference(self) -> Reference | None:
        """Return the last half minute as a reference, or None if it is too short or nobody typed in it."""
        if len(self._past) < ENOUGH_S:
            return None
        # (seconds, bands, electrodes) dB
        levels = 10 * np.log10(np.array([second.power for second in self._past]) + 1e-9)
        loud = np.quantile(levels, 0.75, axis=0)
        if (np.median(loud - levels.min(axis=0), axis=-1) < TYPING_DB).any():
            return None
        together = np.mean([second.together for second in self._past], axis=0)
        coactive = normalised(np.mean([second.coactive for second in self._past], axis=0))
        # (bands, 2, electrodes, electrodes)
        pattern = np.stack([together, coactive], axis=1)
        for band, order in enumerate(self._order):
            loud[band] = loud[band][order]
            pattern[band] = pattern[band][:, order][:, :, order]
        return Reference(loud + self._gain_db, pattern)


def _hold(fault: Fault) -> int:
    """Return the seconds without a fault after which it is over."""
    return HOLD_S if fault.code in IMMEDIATE else LONG_HOLD_S
