"""The check of a signal, live or recorded: what is wrong, a reference of it, and corrections that put it right."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table

from emgtype.bands.placing import SECONDS, Typed, placements
from emgtype.bands.signal_report import described
from emgtype.models.bundle import Bundle
from messages.errors import InputError
from messages.signal import Chunk, Layout, joined
from streamer.conditioning.corrections import Corrections, conditioner
from streamer.conditioning.placement import Fit, Placement
from streamer.quality.limits import COARSEST
from streamer.quality.rules import Fault, bits, sentences
from streamer.quality.watch import Reference, SignalWatch

MENDED = ("turned", "mirrored", "level")
"""Faults that corrections put right."""
_QUIETER = 3.0  # dB between a band's level and its reference from which on its gain is corrected: effort varies as much


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check has found."""

    seconds: float
    watch: SignalWatch
    layout: Layout
    faults: tuple[Fault, ...]
    """All that were there at some time, the first first."""
    last: Chunk | None
    """The newest samples, as many as a search for the bands' places wants; uncorrected."""

    def passed(self) -> list[str]:
        """What was wrong for a while and is not any more, in sentences."""
        now = set(self.watch.faults)
        return sentences([fault for fault in self.faults if fault not in now], self.layout)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        figures, sides = self.watch.figures(), self.layout.sides
        return {
            "seconds": self.seconds,
            "rate": None if np.isnan(figures.rate) else figures.rate,
            "bits": resolution(figures.step),
            "levels_uv": {side: figures.levels[band].round(3).tolist() for band, side in enumerate(sides)},
            "faults": [described(fault, self.layout) for fault in self.faults],
            "bands": {
                side: {"turn": found.turn, "mirror": found.mirror, "sure": found.sure}
                for side, found in zip(sides, self.watch.fits, strict=False)
            },
        }


class Check:
    """Takes the samples of a check."""

    def __init__(self, watch: SignalWatch, layout: Layout) -> None:
        self._watch = watch
        self._layout = layout
        self._faults: dict[Fault, None] = {}
        self._last: deque[Chunk] = deque()
        self._kept = 0
        self._samples = 0

    def push(self, chunk: Chunk) -> None:
        """The next samples, uncorrected."""
        self._faults |= dict.fromkeys(change.fault for change in self._watch.push(chunk) if change.begun)
        self._samples += len(chunk.times)
        self._last.append(chunk)
        self._kept += len(chunk.times)
        while self._kept - len(self._last[0].times) >= SECONDS * self._layout.rate:
            self._kept -= len(self._last.popleft().times)

    def findings(self) -> Findings:
        """So far."""
        seconds = self._samples / self._layout.rate
        return Findings(seconds, self._watch, self._layout, tuple(self._faults), joined(list(self._last)))


def resolution(step: float) -> float | None:
    """Effective bits of the stream; None where its values are finer than any converter's, as behind a filter."""
    return None if not COARSEST / 1000 < step < np.inf else bits(step)


def table(findings: Findings) -> Group:
    """How every electrode fares, µV rms, and what is wrong now."""
    layout, figures = findings.layout, findings.watch.figures()
    shown = Table("µV", box=None, padding=(0, 1, 0, 0))
    for place in range(layout.electrodes):
        shown.add_column(str(place), justify="right", no_wrap=True)
    sick = {(fault.band, fault.electrode) for fault in findings.watch.faults}
    for band, side in enumerate(layout.sides):
        levels = [f"{level:.0f}" if level >= 9.95 else f"{level:.1f}" for level in figures.levels[band]]
        red = [(band, place) in sick or (band, None) in sick for place in range(layout.electrodes)]
        cells = [f"[red]{level}[/red]" if ill else level for level, ill in zip(levels, red, strict=True)]
        shown.add_row(side, *cells)
    found = resolution(figures.step)
    rate = "" if np.isnan(figures.rate) else f", {figures.rate:.1f} Hz"
    head = f"{findings.seconds:.0f} s{rate}, {'filtered samples' if found is None else f'{found:.1f} bits'}"
    return Group(head, shown, *sentences(findings.watch.faults, layout))


def learn(findings: Findings) -> Reference:
    """The signal as a reference.

    Raises:
        InputError: Too short, or nobody typed.
    """
    reference = findings.watch.learn()
    if reference is None:
        raise InputError(
            f"nothing can be learnt from these {findings.seconds:.0f} s: expected at least 15 s in which both hands "
            "type, and rest for a moment; try again"
        )
    return reference


def by_reference(findings: Findings, reference: Reference, now: Corrections) -> Corrections:
    """What puts the bands where the reference has them, over the corrections in force.

    Raises:
        InputError: Too little signal to tell, a band whose place is not clear, or bands that are swapped.
    """
    found = learn(findings)
    fits = found.beside(reference)
    if found.swapped(reference, fits):
        raise InputError(f"{sentences([Fault('swapped')], findings.layout)[0]}; then try again")
    for side, fit in zip(findings.layout.sides, fits, strict=True):
        if not fit.sure:
            raise InputError(f"two places of the {side} band look alike: type for half a minute more, and try again")
    levels = np.median(reference.levels, axis=1) - np.median(found.levels, axis=1)  # dB
    gains = now.gain or (1.0,) * findings.layout.bands
    gain = tuple(
        round(float(old * 10 ** (level / 20)), 2) if abs(level) > _QUIETER else old
        for old, level in zip(gains, levels, strict=True)
    )
    return _placed(now, [fit.placement for fit in fits], findings.layout, gain)


def by_model(
    findings: Findings, bundle: Bundle, labels: Sequence[int], now: Corrections, advance: Callable[[], None]
) -> Corrections:
    """What makes a model hear keys, or those that were typed, over the corrections in force.

    Raises:
        InputError: Too little signal to tell.
    """
    if findings.last is None or len(findings.last.times) < SECONDS / 2 * findings.layout.rate:
        raise InputError(f"{findings.seconds:.0f} s are too short to tell how the bands sit: type for {SECONDS:.0f} s")
    corrected = conditioner(now, findings.layout).push(findings.last)
    found = placements(bundle, Typed(corrected, tuple(labels)), advance)
    return _placed(now, found, findings.layout, now.gain)


def _placed(now: Corrections, more: Sequence[Placement], layout: Layout, gain: tuple[float, ...]) -> Corrections:
    electrodes = layout.electrodes
    both = [old.then(new, electrodes) for old, new in zip(now.placements(layout), more, strict=True)]
    half = electrodes // 2
    rolls = tuple((place.roll + half) % electrodes - half for place in both)
    mirrors = tuple(place.mirror for place in both)
    return replace(
        now,
        roll=rolls if any(rolls) else (),
        mirror=mirrors if any(mirrors) else (),
        gain=gain if any(value != 1 for value in gain) else (),
    )


def changes(before: Corrections, after: Corrections, layout: Layout) -> list[str]:
    """What is corrected otherwise than before, a sentence for each band."""
    said = []
    old, new = before.placements(layout), after.placements(layout)
    gains = (before.gain or (1.0,) * layout.bands, after.gain or (1.0,) * layout.bands)
    for band, side in enumerate(layout.sides):
        if old[band] != new[band] or gains[0][band] != gains[1][band]:
            mirrored = "mirrored, " if new[band].mirror else ""
            amplified = f", amplified {gains[1][band]:g} times" if gains[1][band] != 1 else ""
            said.append(f"the {side} band: {mirrored}rolled by {new[band].roll}{amplified}")
    return said


def describe_fits(fits: Sequence[Fit], layout: Layout) -> list[str]:
    """How each band sits against the reference."""
    return [
        f"the {side} band sits {'mirrored, ' if fit.mirror else ''}{fit.turn:+.1f} electrodes from its reference"
        + ("" if fit.sure else " (not sure)")
        for side, fit in zip(layout.sides, fits, strict=False)
    ]
