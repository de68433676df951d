"""The rules for faults of the signal: which measurements of the last seconds are one, and the sentence about it.

`Judge` looks at up to ten seconds, each measured by itself (`streamer.quality._second`). A rule needs as many of them
as it takes to tell its fault from chance:

| fault                        | seconds | rule                                                                       |
|------------------------------|---------|----------------------------------------------------------------------------|
| `not-finite`                 | 1       | some value is not a number                                                 |
| `dead`                       | 2 or 3  | constant for two, or far below the band's median electrode for three       |
| `saturated`                  | 5       | too many values at an extreme, of an electrode that is not dead            |
| `noisy`                      | 5 to 10 | the median second crackles more than the band's median electrode           |
| `hum`                        | 10      | lines of the mains in the quieter half of the seconds                      |
| `rate`, `resolution`, `unit` | 5 to 10 | medians over all electrodes                                                |

`mirrored`, `turned` and `level` compare how the bands sit with a reference. `swapped` is found by the watch, which
compares each band with the other one's reference.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np

from messages.signal import F64, Layout
from streamer.conditioning.placement import Fit
from streamer.quality import limits
from streamer.quality._second import MAINS_HZ, Mask, SignalSecond

Code = Literal[
    "not-finite",
    "dead",
    "saturated",
    "noisy",
    "hum",
    "rate",
    "resolution",
    "unit",
    "swapped",
    "turned",
    "mirrored",
    "level",
]

IMMEDIATE: tuple[Code, ...] = ("not-finite", "dead", "saturated")
"""Faults that show at once, in the last seconds alone."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the signal."""

    code: Code
    band: int | None = None
    """Index into the layout's sides; None: all bands."""
    electrode: int | None = None
    """Place on the ring, from 0 on; None: the whole band."""
    detail: str = field(default="", compare=False)
    """Figures for the sentence; they may change while the fault stays the same."""


_ADVICE: dict[Code, tuple[str, str]] = {
    "not-finite": ("{who} {sends} values that are not numbers", "mend the source, or switch the band off and on"),
    "dead": ("{who} {gives} nothing", "press {it} to the skin, or clean {it}"),
    "saturated": ("{who} {is} clipped", "clean {it}, keep cables still, or lower the amplifier's gain"),
    "noisy": ("{who} {crackles}", "press {it} to the skin, or wet and clean {it}"),
    "hum": ("{who} {hums} with the mains ({detail})", "move away from chargers and lamps, or set conditioner.notch_hz"),
    "rate": ("the samples come at {detail}", "set the device to the rate of the model"),
    "resolution": ("the samples move in steps of {detail}", "set the device to a finer resolution"),
    "unit": ("the signal has {detail}", "state its unit in the stream, or correct the gain"),
    "swapped": (
        "left and right are swapped",
        "put each band on the other arm, or exchange the names of their streams",
    ),
    "turned": ("{who} sits {detail} from where it sat", "turn it back, or run `emgtype check --fix`"),
    "mirrored": ("{who} is on the wrong way round", "turn it round, or run `emgtype check --fix`"),
    "level": ("{who} is {detail} than it was", "tighten or clean it, or run `emgtype check --fix`"),
}
"""The problem and the advice for each fault."""
_FORMS = {
    "sends": ("sends", "send"),
    "gives": ("gives", "give"),
    "is": ("is", "are"),
    "crackles": ("crackles", "crackle"),
    "hums": ("hums", "hum"),
    "it": ("it", "them"),
}
"""Words that stand for one electrode or band, and for several."""
_CONTACT_S = 3
"""Seconds that tell whether an electrode has contact."""
_AVERAGE_S = (5, 10)
"""Seconds of an average: the fewest that count as one, and the most."""
_DISTINCT_HUM_DB = 12.0
"""Hum of one electrode alone stands out this much: among so many electrodes one is 9 dB above by chance."""
_BAND_HUM_DB = 6.0
"""Hum of a whole band stands out this much at the band's median electrode."""
_FAINT_HUM_UV = 0.7
"""Hum below this drowns in the noise of any amplifier."""


def sentences(faults: Iterable[Fault], layout: Layout, *, over: bool = False) -> list[str]:
    """Return a sentence per kind of fault and band: the problem and the advice, or with `over` that it has ended."""
    texts = []
    for (code, band, _), group in groupby(
        sorted(set(faults), key=_order),
        key=lambda fault: (fault.code, fault.band, fault.electrode is None),
    ):
        members = list(group)
        who, several = _who([fault.electrode for fault in members if fault.electrode is not None], band, layout)
        words = {name: forms[several] for name, forms in _FORMS.items()}
        problem, advice = (part.format(who=who, detail=members[0].detail, **words) for part in _ADVICE[code])
        texts.append(f"over: {problem}" if over else f"{problem}: {advice}")
    return texts


def _order(fault: Fault) -> tuple[str, int, bool, int]:
    """Return the sort key that puts faults of one sentence next to each other."""
    whole_band = fault.electrode is None
    return fault.code, -1 if fault.band is None else fault.band, whole_band, -1 if whole_band else fault.electrode or 0


def _who(electrodes: Sequence[int], band: int | None, layout: Layout) -> tuple[str, bool]:
    """Return the name of the electrodes or of the band, and whether it takes a plural verb."""
    side = "" if band is None else f"the {layout.sides[band]} band"
    if not electrodes or len(electrodes) == layout.electrodes:
        return side, False
    if len(electrodes) == 1:
        return f"electrode {electrodes[0]} of {side}", False
    names = [str(electrode) for electrode in electrodes]
    return f"electrodes {', '.join(names[:-1])} and {names[-1]} of {side}", True


@dataclass(frozen=True, slots=True)
class Judge:
    """Finds the faults in measured seconds of a signal of this layout."""

    layout: Layout

    def faults(self, past: Sequence[SignalSecond]) -> Iterator[Fault]:
        """Yield the faults that there are now; `past` has at least one second, the newest last."""
        seconds = list(past)
        fewest, most = _AVERAGE_S
        yield from _each("not-finite", seconds[-1].bad)
        dead = _dead(seconds[-_CONTACT_S:]) & ~np.any([second.bad for second in seconds[-_CONTACT_S:]], axis=0)
        yield from _each("dead", dead)
        yield from _each("saturated", _clipped(seconds[-fewest:], self.layout.rate) & ~dead)
        if len(seconds) < fewest:
            return
        average = seconds[-most:]
        yield from _each("noisy", _noisy(average) & ~dead)
        if len(average) == most:
            yield from _hums(average)
        yield from self._stream_faults(average)

    def _stream_faults(self, seconds: Sequence[SignalSecond]) -> Iterator[Fault]:
        """Yield the faults that all electrodes share."""
        expected, rate = self.layout.rate, float(np.median([second.rate for second in seconds]))
        if abs(rate - expected) > limits.RATE_SHARE * expected:
            yield Fault("rate", detail=f"{rate:.0f} Hz, expected {expected:g} Hz")
        rms = float(np.sqrt(np.median([second.power for second in seconds])))
        if self.layout.unit != "uV" or all(second.flat.all() for second in seconds):
            return
        step = min(second.step for second in seconds)
        if limits.COARSEST < step < np.inf:
            yield Fault("resolution", detail=f"{step:.3g} µV ({effective_bits(step):.1f} bits)")
        if not limits.TYPICAL[0] <= rms <= limits.TYPICAL[1]:
            unit = limits.likely_unit(rms)
            seems = f", so it seems to be in {unit}" if unit else ""
            yield Fault("unit", detail=f"{rms:.3g} µV rms{seems}")

    def band_faults(self, fits: Sequence[Fit], levels: F64, reference_levels: F64) -> Iterator[Fault]:
        """Yield the faults of bands that sit otherwise, or are louder or fainter, than their reference.

        Args:
            fits: How each band sits.
            levels: (bands, electrodes) dB while typing.
            reference_levels: The same of the reference.
        """
        for band, fit in enumerate(fits):
            electrodes = abs(fit.placement.roll)
            if fit.sure and fit.mirror:
                yield Fault("mirrored", band)
            elif fit.sure and electrodes > limits.TOLERATED:
                yield Fault("turned", band, detail=f"{electrodes} electrodes")
            louder = float(np.median(levels[band]) - np.median(reference_levels[band]))
            if abs(louder) > limits.DRIFTED:
                yield Fault("level", band, detail=f"{abs(louder):.0f} dB {'louder' if louder > 0 else 'fainter'}")


def effective_bits(step: float) -> float:
    """Return the bits with which the device's range is resolved, if its least step is `step` µV."""
    return float(np.log2(2 * limits.RANGE / step))


def _each(code: Code, mask: Mask) -> Iterator[Fault]:
    """Yield a fault for each electrode in a (bands, electrodes) mask."""
    return (Fault(code, int(band), int(electrode)) for band, electrode in np.argwhere(mask))


def _above_median(seconds: Sequence[SignalSecond], power: Callable[[SignalSecond], F64]) -> F64:
    """Return (seconds, bands, electrodes) dB by which each electrode is above the median one of its band."""
    levels = 10 * np.log10(np.array([power(second) for second in seconds]) + 1e-9)
    return np.asarray(levels - np.median(levels, axis=-1, keepdims=True))


def _dead(seconds: Sequence[SignalSecond]) -> Mask:
    """Return which electrodes have no contact.

    A contact that moves is never constant. One that is lost may still pick up its neighbours from afar: it is known by
    them, once they are far louder, which at rest they may not be.
    """
    flat = np.all([second.flat for second in seconds[-2:]], axis=0)
    if len(seconds) < _CONTACT_S:
        return np.asarray(flat & (len(seconds) > 1))
    return np.asarray(flat | (_above_median(seconds, lambda second: second.power) < -limits.SILENT).all(axis=0))


def _clipped(seconds: Sequence[SignalSecond], rate: float) -> Mask:
    """Return which electrodes are too often at an extreme."""
    count = np.sum([second.clipped for second in seconds], axis=0)
    return np.asarray(count > max(2.0, limits.CLIPPED_SHARE * rate * len(seconds)))


def _noisy(seconds: Sequence[SignalSecond]) -> Mask:
    """Return which electrodes crackle."""
    crackle = _above_median(seconds, lambda second: second.crackle)
    return np.asarray(np.median(crackle, axis=0) > limits.CRACKLING)


def _hums(seconds: Sequence[SignalSecond]) -> Iterator[Fault]:
    """Yield the hum of whole bands, or of electrodes, by the quieter half of the seconds.

    Between the bursts of the muscles hum stands out.
    """
    loudness = np.array([second.power.sum() for second in seconds])
    quieter = [seconds[place] for place in np.argsort(loudness, kind="stable")[: (len(seconds) + 1) // 2]]
    # (seconds, mains, harmonics, bands, electrodes)
    lines = np.array([second.lines for second in quieter])
    beside = np.array([second.beside for second in quieter])
    # Each second counts alike: a mean of the powers would be that of the loudest alone, which is no average.
    ratio = 10 * np.log10(np.mean((lines + 1e-9) / (beside + 1e-9), axis=0))
    lines, beside = lines.mean(axis=0), beside.mean(axis=0)
    # (mains, bands, electrodes) µV
    extra = np.sqrt(np.maximum(lines - beside, 0).sum(axis=1))
    for band in range(lines.shape[2]):
        # (mains,) dB of the strongest harmonic at the median electrode.
        everywhere = np.median(ratio[:, :, band], axis=-1).max(axis=1)
        mains = int(np.argmax(everywhere))
        microvolts = float(np.median(extra[mains, band]))
        if everywhere[mains] > _BAND_HUM_DB and microvolts > _FAINT_HUM_UV:
            yield Fault("hum", band, detail=f"{MAINS_HZ[mains]:.0f} Hz, {microvolts:.1f} µV")
            continue
        distinct = (ratio[:, :, band].max(axis=1) > _DISTINCT_HUM_DB) & (extra[:, band] > _FAINT_HUM_UV)
        for electrode in np.flatnonzero(distinct.any(axis=0)):
            mains = int(np.argmax(extra[:, band, electrode]))
            detail = f"{MAINS_HZ[mains]:.0f} Hz, {extra[mains, band, electrode]:.1f} µV"
            yield Fault("hum", band, int(electrode), detail)
