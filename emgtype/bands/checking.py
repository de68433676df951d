"""Checks a signal, live or recorded: finds its faults, a reference of it, and corrections that put it right."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table

from emgtype.bands.placing import SECONDS, TypedSignal, likeliest_placements
from emgtype.bands.signal_report import fault_record
from emgtype.models.bundle import Bundle
from messages.errors import InputError
from messages.signal import Chunk, Layout, joined
from streamer.conditioning.corrections import Corrections, conditioner
from streamer.conditioning.placement import Fit, Placement
from streamer.quality.limits import COARSEST
from streamer.quality.rules import Fault, effective_bits, sentences
from streamer.quality.watch import Reference, SignalWatch

MENDED = ("turned", "mirrored", "level")
"""Faults that corrections put right."""
_LEVEL_SLACK_DB = 3.0
"""A band's level may differ from its reference by this much before its gain is corrected: effort varies as much."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Results of a check."""

    seconds: float
    """Length of the signal that was checked."""
    watch: SignalWatch
    """The watch, as the check left it."""
    layout: Layout
    """The layout of the samples."""
    faults: tuple[Fault, ...]
    """All faults of the signal, in the order in which they began, those that are over included."""
    last: Chunk | None
    """The newest samples, uncorrected, as many as a search for the bands' places needs."""

    def past_faults(self) -> list[str]:
        """Return a sentence for each fault that is over."""
        now = set(self.watch.faults)
        return sentences([fault for fault in self.faults if fault not in now], self.layout)

    def as_dict(self) -> dict[str, Any]:
        """Return the results as --json prints them."""
        figures, sides = self.watch.figures(), self.layout.sides
        return {
            "seconds": self.seconds,
            "rate": None if np.isnan(figures.rate) else figures.rate,
            "bits": resolution(figures.step),
            "levels_uv": {side: figures.levels[band].round(3).tolist() for band, side in enumerate(sides)},
            "faults": [fault_record(fault, self.layout) for fault in self.faults],
            "bands": {
                side: {"turn": fit.turn, "mirror": fit.mirror, "sure": fit.sure}
                for side, fit in zip(sides, self.watch.fits, strict=False)
            },
        }


class Check:
    """Takes the samples of a check and gives its findings."""

    def __init__(self, watch: SignalWatch, layout: Layout) -> None:
        """Begin a check of samples of this layout."""
        self._watch = watch
        self._layout = layout
        self._faults: dict[Fault, None] = {}
        self._last: deque[Chunk] = deque()
        self._last_samples = 0
        self._samples = 0

    def push(self, chunk: Chunk) -> None:
        """Take the next samples, uncorrected."""
        self._faults |= dict.fromkeys(change.fault for change in self._watch.push(chunk) if change.begins)
        self._samples += len(chunk.times)
        self._last.append(chunk)
        self._last_samples += len(chunk.times)
        while self._last_samples - len(self._last[0].times) >= SECONDS * self._layout.rate:
            self._last_samples -= len(self._last.popleft().times)

    def findings(self) -> Findings:
        """Return the findings so far."""
        seconds = self._samples / self._layout.rate
        return Findings(seconds, self._watch, self._layout, tuple(self._faults), joined(list(self._last)))


def resolution(step: float) -> float | None:
    """Return the effective bits of a stream; None if its values are finer than any converter's, as behind a filter."""
    return None if not COARSEST / 1000 < step < np.inf else effective_bits(step)


def table(findings: Findings) -> Group:
    """Return a table of every electrode's level, µV rms, and a sentence for each fault that there is now."""
    layout, figures = findings.layout, findings.watch.figures()
    levels = Table("µV", box=None, padding=(0, 1, 0, 0))
    for place in range(layout.electrodes):
        levels.add_column(str(place), justify="right", no_wrap=True)
    faulty = {(fault.band, fault.electrode) for fault in findings.watch.faults}
    for band, side in enumerate(layout.sides):
        cells = [f"{level:.0f}" if level >= 9.95 else f"{level:.1f}" for level in figures.levels[band]]
        red = [(band, place) in faulty or (band, None) in faulty for place in range(layout.electrodes)]
        levels.add_row(
            side, *(f"[red]{cell}[/red]" if is_red else cell for cell, is_red in zip(cells, red, strict=True))
        )
    bits = resolution(figures.step)
    rate = "" if np.isnan(figures.rate) else f", {figures.rate:.1f} Hz"
    head = f"{findings.seconds:.0f} s{rate}, {'filtered samples' if bits is None else f'{bits:.1f} bits'}"
    return Group(head, levels, *sentences(findings.watch.faults, layout))


def learn(findings: Findings) -> Reference:
    """Return the signal as a reference.

    Raises:
        InputError: The signal is too short, or nobody typed in it.
    """
    reference = findings.watch.learn_reference()
    if reference is None:
        raise InputError(
            f"nothing can be learnt from these {findings.seconds:.0f} s: expected at least 15 s in which both hands "
            "type, and rest for a moment; try again"
        )
    return reference


def by_reference(findings: Findings, reference: Reference, now: Corrections) -> Corrections:
    """Return the corrections in force, changed so that the bands are as in the reference.

    Raises:
        InputError: There is too little signal, the place of a band is not clear, or the bands are swapped.
    """
    measured = learn(findings)
    fits = measured.fits_to(reference)
    if measured.is_swapped(reference, fits):
        raise InputError(f"{sentences([Fault('swapped')], findings.layout)[0]}; then try again")
    for side, fit in zip(findings.layout.sides, fits, strict=True):
        if not fit.sure:
            raise InputError(f"two places of the {side} band look alike: type for half a minute more, and try again")
    louder_db = np.median(reference.levels, axis=1) - np.median(measured.levels, axis=1)
    gains = now.gain or (1.0,) * findings.layout.bands
    gain = tuple(
        round(float(old * 10 ** (decibels / 20)), 2) if abs(decibels) > _LEVEL_SLACK_DB else old
        for old, decibels in zip(gains, louder_db, strict=True)
    )
    return _moved(now, [fit.placement for fit in fits], findings.layout, gain)


def by_model(
    findings: Findings, bundle: Bundle, labels: Sequence[int], now: Corrections, advance: Callable[[], None]
) -> Corrections:
    """Return the corrections in force, changed so that a model is surest of its keys, or of the typed `labels`.

    `advance` is called after each of the `steps` of the search (`emgtype.bands.placing`).

    Raises:
        InputError: There is too little signal.
    """
    if findings.last is None or len(findings.last.times) < SECONDS / 2 * findings.layout.rate:
        raise InputError(f"{findings.seconds:.0f} s are too short to tell how the bands sit: type for {SECONDS:.0f} s")
    corrected = conditioner(now, findings.layout).push(findings.last)
    moves = likeliest_placements(bundle, TypedSignal(corrected, tuple(labels)), advance)
    return _moved(now, moves, findings.layout, now.gain)


def _moved(now: Corrections, moves: Sequence[Placement], layout: Layout, gain: tuple[float, ...]) -> Corrections:
    """Return the corrections in force with each band moved further; values that correct nothing are left out."""
    electrodes = layout.electrodes
    placements = [old.then(move, electrodes) for old, move in zip(now.placements(layout), moves, strict=True)]
    half = electrodes // 2
    rolls = tuple((placement.roll + half) % electrodes - half for placement in placements)
    mirrors = tuple(placement.mirror for placement in placements)
    return replace(
        now,
        roll=rolls if any(rolls) else (),
        mirror=mirrors if any(mirrors) else (),
        gain=gain if any(value != 1 for value in gain) else (),
    )


def changes(before: Corrections, after: Corrections, layout: Layout) -> list[str]:
    """Return a sentence for each band whose corrections differ."""
    texts = []
    old, new = before.placements(layout), after.placements(layout)
    gains = (before.gain or (1.0,) * layout.bands, after.gain or (1.0,) * layout.bands)
    for band, side in enumerate(layout.sides):
        if old[band] != new[band] or gains[0][band] != gains[1][band]:
            mirrored = "mirrored, " if new[band].mirror else ""
            amplified = f", amplified {gains[1][band]:g} times" if gains[1][band] != 1 else ""
            texts.append(f"the {side} band: {mirrored}rolled by {new[band].roll}{amplified}")
    return texts


def describe_fits(fits: Sequence[Fit], layout: Layout) -> list[str]:
    """Return a sentence for each band on how it sits compared with the reference."""
    return [
        f"the {side} band sits {'mirrored, ' if fit.mirror else ''}{fit.turn:+.1f} electrodes from its reference"
        + ("" if fit.sure else " (not sure)")
        for side, fit in zip(layout.sides, fits, strict=False)
    ]
