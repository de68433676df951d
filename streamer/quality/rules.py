"""What counts as a fault in the last seconds of the signal, and what to say about it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np
import numpy.typing as npt

from messages.signal import Layout
from streamer.conditioning.placement import Fit
from streamer.quality import limits
from streamer.quality._second import MAINS, Window

FloatArray = npt.NDArray[np.float64]

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

AT_ONCE: tuple[Code, ...] = ("not-finite", "dead", "saturated")
"""Faults that the last seconds show by themselves."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong now."""

    code: Code
    band: int | None = None
    """Index into the layout's sides; None: all of them."""
    electrode: int | None = None
    """Place on the ring, from 0 on; None: the whole band."""
    detail: str = field(default="", compare=False)
    """Figures, for the sentence: they change while the fault stays the same."""


_ADVICE: dict[Code, tuple[str, str]] = {
    "not-finite": ("{who} {s} values that are not numbers", "mend the source, or switch the band off and on"),
    "dead": ("{who} {give} nothing", "press {it} to the skin, or clean {it}"),
    "saturated": ("{who} {is} clipped", "clean {it}, keep cables still, or lower the amplifier's gain"),
    "noisy": ("{who} {crackle}", "press {it} to the skin, or wet and clean {it}"),
    "hum": ("{who} {hum} with the mains ({detail})", "move away from chargers and lamps, or set conditioner.notch_hz"),
    "rate": ("the samples come at {detail}", "set the device to the rate of the model"),
    "resolution": ("the samples move in steps of {detail}", "set the device to a finer resolution"),
    "unit": ("the signal has {detail}", "state its unit in the stream, or correct the gain"),
    "swapped": (
        "left and right are swapped",
        "put each band on the other arm, or change over the names of their streams",
    ),
    "turned": ("{who} sits {detail} from where it sat", "turn it back, or run `emgtype check --fix`"),
    "mirrored": ("{who} is on the wrong way round", "turn it round, or run `emgtype check --fix`"),
    "level": ("{who} is {detail} than it was", "tighten or clean it, or run `emgtype check --fix`"),
}
_VERBS = {"s": ("sends", "send"), "give": ("gives", "give"), "is": ("is", "are")} | {
    "crackle": ("crackles", "crackle"), "hum": ("hums", "hum"), "it": ("it", "them")
}  # fmt: skip
_SOON, _LATER = 3, 5  # seconds until a fault of contact is told, and one that needs an average
_AVERAGE = 10  # seconds of that average
_DISTINCT_HUM = 12.0  # dB at one electrode alone: among so many, one is 9 above by chance
_BAND_HUM = 6.0  # dB at the median electrode of a band
_FAINT_HUM = 0.7  # µV below which it drowns in the noise of any amplifier


def sentences(faults: Iterable[Fault], layout: Layout, *, over: bool = False) -> list[str]:
    """One for each kind of fault and band, with advice; or that they are over."""
    said = []
    for (code, band, _), group in groupby(
        sorted(set(faults), key=_place),
        key=lambda f: (f.code, f.band, f.electrode is None),
    ):
        members = list(group)
        who, several = _who([f.electrode for f in members if f.electrode is not None], band, layout)
        words = {name: forms[several] for name, forms in _VERBS.items()}
        what, advice = (part.format(who=who, detail=members[0].detail, **words) for part in _ADVICE[code])
        said.append(f"over: {what}" if over else f"{what}: {advice}")
    return said


def _place(fault: Fault) -> tuple[str, int, bool, int]:
    nowhere = fault.electrode is None
    return fault.code, -1 if fault.band is None else fault.band, nowhere, -1 if nowhere else fault.electrode or 0


def _who(electrodes: Sequence[int], band: int | None, layout: Layout) -> tuple[str, bool]:
    """What it is called, and whether it is several."""
    side = "" if band is None else f"the {layout.sides[band]} band"
    if not electrodes or len(electrodes) == layout.electrodes:
        return side, False
    if len(electrodes) == 1:
        return f"electrode {electrodes[0]} of {side}", False
    names = [str(electrode) for electrode in electrodes]
    return f"electrodes {', '.join(names[:-1])} and {names[-1]} of {side}", True


@dataclass(frozen=True, slots=True)
class Judge:
    """Looks for faults in windows of a second each, the newest last."""

    layout: Layout

    def faults(self, past: Sequence[Window]) -> Iterator[Fault]:
        """All that are there now."""
        windows = list(past)
        yield from _each("not-finite", windows[-1].bad)
        dead = _dead(windows[-_SOON:]) & ~np.any([window.bad for window in windows[-_SOON:]], axis=0)
        yield from _each("dead", dead)
        yield from _each("saturated", _clipped(windows[-_LATER:], self.layout.rate) & ~dead)
        if len(windows) < _LATER:
            return
        average = windows[-_AVERAGE:]
        yield from _each("noisy", _noisy(average) & ~dead)
        if len(average) == _AVERAGE:
            yield from _hums(average)
        yield from self._stream(average)

    def _stream(self, windows: Sequence[Window]) -> Iterator[Fault]:
        """What is wrong with all of it alike."""
        wanted, rate = self.layout.rate, float(np.median([window.rate for window in windows]))
        if abs(rate - wanted) > limits.RATE_SHARE * wanted:
            yield Fault("rate", detail=f"{rate:.0f} Hz, expected {wanted:g} Hz")
        rms = float(np.sqrt(np.median([window.power for window in windows])))
        if self.layout.unit != "uV" or all(window.flat.all() for window in windows):
            return
        step = min(window.step for window in windows)
        if limits.COARSEST < step < np.inf:
            yield Fault("resolution", detail=f"{step:.3g} µV ({bits(step):.1f} bits)")
        if not limits.TYPICAL[0] <= rms <= limits.TYPICAL[1]:
            unit = limits.likely_unit(rms)
            seems = f", so it seems to be in {unit}" if unit else ""
            yield Fault("unit", detail=f"{rms:.3g} µV rms{seems}")

    def placed(self, fits: Sequence[Fit], now: FloatArray, reference: FloatArray) -> Iterator[Fault]:
        """Bands that sit or sound otherwise than they did; levels (bands, electrodes) in dB while typing."""
        for band, found in enumerate(fits):
            places = found.placement.roll
            if found.sure and found.mirror:
                yield Fault("mirrored", band)
            elif found.sure and abs(places) > limits.TOLERATED:
                yield Fault("turned", band, detail=f"{abs(places)} electrodes")
            louder = float(np.median(now[band]) - np.median(reference[band]))
            if abs(louder) > limits.DRIFTED:
                yield Fault("level", band, detail=f"{abs(louder):.0f} dB {'louder' if louder > 0 else 'fainter'}")


def bits(step: float) -> float:
    """Effective bits over the device's range, of a least step (µV)."""
    return float(np.log2(2 * limits.RANGE / step))


def _each(code: Code, mask: npt.NDArray[np.bool_]) -> Iterator[Fault]:
    return (Fault(code, int(band), int(electrode)) for band, electrode in np.argwhere(mask))


def _median_of(windows: Sequence[Window], power: Callable[[Window], FloatArray]) -> FloatArray:
    """(windows, bands, electrodes) dB that each electrode lies above the median one of its band."""
    levels = 10 * np.log10(np.array([power(window) for window in windows]) + 1e-9)
    return np.asarray(levels - np.median(levels, axis=-1, keepdims=True))


def _dead(windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """A contact that moves is one; so is one whose neighbours are heard far above it, which at rest they may not be."""
    flat = np.all([window.flat for window in windows[-2:]], axis=0)
    if len(windows) < _SOON:
        return np.asarray(flat & (len(windows) > 1))
    return np.asarray(flat | (_median_of(windows, lambda w: w.power) < -limits.SILENT).all(axis=0))


def _clipped(windows: Sequence[Window], rate: float) -> npt.NDArray[np.bool_]:
    count = np.sum([window.clipped for window in windows], axis=0)
    return np.asarray(count > max(2.0, limits.CLIPPED_SHARE * rate * len(windows)))


def _noisy(windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.median(_median_of(windows, lambda w: w.crackle), axis=0) > limits.CRACKLING)


def _hums(windows: Sequence[Window]) -> Iterator[Fault]:
    """In the quieter half of the seconds: between the bursts of the muscles hum stands out."""
    loud = np.array([window.power.sum() for window in windows])
    quiet = [windows[place] for place in np.argsort(loud, kind="stable")[: (len(windows) + 1) // 2]]
    lines = np.array([window.lines for window in quiet])  # (windows, mains, harmonics, bands, electrodes)
    beside = np.array([window.beside for window in quiet])
    # Each second counts alike: a mean of the powers would be that of the loudest alone, which is no average.
    ratio = 10 * np.log10(np.mean((lines + 1e-9) / (beside + 1e-9), axis=0))
    lines, beside = lines.mean(axis=0), beside.mean(axis=0)
    extra = np.sqrt(np.maximum(lines - beside, 0).sum(axis=1))  # (mains, bands, electrodes)
    for band in range(lines.shape[2]):
        everywhere = np.median(ratio[:, :, band], axis=-1).max(axis=1)  # (mains,)
        mains = int(np.argmax(everywhere))
        microvolts = float(np.median(extra[mains, band]))
        if everywhere[mains] > _BAND_HUM and microvolts > _FAINT_HUM:
            yield Fault("hum", band, detail=f"{MAINS[mains]:.0f} Hz, {microvolts:.1f} µV")
            continue
        distinct = (ratio[:, :, band].max(axis=1) > _DISTINCT_HUM) & (extra[:, band] > _FAINT_HUM)
        for electrode in np.flatnonzero(distinct.any(axis=0)):
            mains = int(np.argmax(extra[:, band, electrode]))
            detail = f"{MAINS[mains]:.0f} Hz, {extra[mains, band, electrode]:.1f} µV"
            yield Fault("hum", band, int(electrode), detail)
