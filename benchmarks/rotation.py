"""Measure whether the search for a band's placement finds roll and mirror: by a saved reference, and by a model.

Each trial is another donning of both bands, typed for half a minute; the search gets the signal alone. One band is put
on wrongly, every roll mirrored and not. The reference is what `emgtype check --learn` saves on one other donning. No
two donnings are alike; they differ by fractions of an electrode. By default the trials take donnings within a quarter
of whole electrodes from the reference, where one roll is right; with --any all donnings, up to halfway between.

    python -m benchmarks.rotation                      # by reference: 2 people × 16 rolls × mirrored or not
    python -m benchmarks.rotation --model-trials 16    # and by the model, which takes a quarter of a minute each
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from emgtype.bands.placing import SECONDS, TypedSignal, likeliest_placements
from emgtype.models.bundle import open_bundle
from emgtype.texts import load_text
from messages.signal import F64, Chunk, joined
from simulator.donning import don
from simulator.faults import worn
from simulator.person import make_person
from simulator.session import LAYOUT, typing_session
from streamer.conditioning.placement import Placement
from streamer.quality.watch import Reference, SignalWatch

FIRST = 7000
"""Donning of the first trial; the reference is learnt on the donning before."""
CLEAR = 0.25
"""Electrodes from a whole number within which one roll is clearly right."""
_BY_REFERENCE, _BY_MODEL = ("reference", "reference, where sure"), ("model, unlabelled", "model, keys known")
_BEFORE = 1.2
"""Seconds at the start in which a model decodes no key: its receptive field."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A donning with one of its bands put on wrongly."""

    person: int
    donning: int
    band: int
    place: Placement
    """The correction that puts the band right, if the donning were the reference's."""

    def error(self, placement: Placement, aside: float) -> tuple[bool, float]:
        """Return whether the mirror is right, and the error of the roll in electrodes.

        Args:
            placement: The result of the search.
            aside: Electrodes by which the donning sits beside the target of the search.
        """
        half = LAYOUT.electrodes / 2
        off = (placement.roll - self.place.roll - aside + half) % LAYOUT.electrodes - half
        return placement.mirror == self.place.mirror, off


def turned(donning: int) -> F64:
    """Return (bands,) electrodes by which a donning's bands are turned, in the direction of a correction's roll."""
    by = np.array(don(donning, LAYOUT.electrodes).rotation) * LAYOUT.electrodes / (2 * np.pi)
    # The left arm's ring runs the other way.
    return np.array([-by[0], by[1]])


def trials(people: Sequence[int], *, clear: bool) -> Iterator[Trial]:
    """Yield every roll, mirrored and not, of each person; left and right in turn."""
    donning = FIRST
    for person in people:
        for case in range(2 * LAYOUT.electrodes):
            mirror, roll = divmod(case, LAYOUT.electrodes)
            band = case % LAYOUT.bands
            while clear and abs(beside(donning, band) - round(beside(donning, band))) > CLEAR:
                donning += 1
            yield Trial(person, donning, band, Placement(roll, bool(mirror)))
            donning += 1


def beside(donning: int, band: int) -> float:
    """Return the electrodes by which a band sits beside its place in the reference."""
    return float((turned(donning) - turned(FIRST - 1))[band])


def typed(person: int, donning: int, text: Sequence[str], seconds: float) -> TypedSignal:
    """Return the last seconds of a session, and the keys in them."""
    session = typing_session(make_person(person), donning, text, seconds + 10.0)
    chunk = joined(list(session.chunks()))
    assert chunk is not None
    last = slice(max(0, len(chunk.times) - round(seconds * LAYOUT.rate)), None)
    chunk = Chunk(chunk.samples[last], chunk.times[last], LAYOUT)
    labels = [k.label for k in session.keystrokes if k.label is not None and k.start > chunk.times[0] + _BEFORE]
    return TypedSignal(chunk, tuple(labels))


class Tally:
    """The errors of one method over all trials."""

    def __init__(self) -> None:
        self._errors: list[tuple[bool, float]] = []

    def add(self, trial: Trial, placement: Placement, aside: float) -> None:
        """Add a trial; `aside`: electrodes by which the donning sits beside the target of the search."""
        self._errors.append(trial.error(placement, aside))

    def figures(self) -> dict[str, float]:
        """Return the count of trials, and shares in %: mirror right, and the roll within 2, 1 and 0 electrodes too."""
        mirror, off = (np.array(column) for column in zip(*self._errors, strict=True))
        within = {most: 100 * float((mirror & (np.abs(off) <= most + 0.5)).mean()) for most in (2, 1, 0)}
        mirrored = 100 * float(mirror.mean())
        return {
            "trials": len(off),
            "mirror": mirrored,
            "within_2": within[2],
            "within_1": within[1],
            "exact": within[0],
        }


def learnt(signal: TypedSignal) -> Reference:
    """Return the reference learnt from half a minute."""
    watch = SignalWatch(LAYOUT)
    watch.push(signal.chunk)
    reference = watch.learn_reference()
    assert reference is not None
    return reference


def swapped(now: Reference) -> Reference:
    """Return a reference with the bands swapped."""
    return Reference(now.levels[::-1], now.pattern[::-1])


def taken_for_swapped(now: Reference, before: Reference) -> bool:
    """Tell whether the bands are reported as swapped."""
    return now.is_swapped(before, now.fits_to(before))


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--people", type=int, nargs=2, default=[1, 301], help="seeds; the first is the demo model's")
    parser.add_argument("--bundles", nargs=2, default=["demo", "generic"], help="of each, for the search by the model")
    parser.add_argument("--model-trials", type=int, default=0, help="so many, evenly over the trials")
    parser.add_argument("--any", action="store_true", help="donnings between two electrodes, too")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of signal")
    options = parser.parse_args()
    text, all_trials = load_text("test"), list(trials(options.people, clear=not options.any))
    before = {person: typed(person, FIRST - 1, text, options.seconds) for person in options.people}
    tallies = {name: Tally() for name in (*_BY_REFERENCE, *_BY_MODEL)}
    chosen = set(np.linspace(0, len(all_trials) - 1, options.model_trials).astype(int).tolist())
    bundles = {
        person: open_bundle(name) for person, name in zip(options.people, options.bundles, strict=True) if chosen
    }
    # Count of reports that the bands are swapped: of swapped bands, and of others.
    reported = np.zeros(2, int)
    for number, trial in enumerate(track(all_trials, "trials", transient=True)):
        signal = typed(trial.person, trial.donning, text, options.seconds)
        places = [trial.place if band == trial.band else Placement() for band in range(LAYOUT.bands)]
        wrong = TypedSignal(worn(signal.chunk, places), signal.labels)
        now, past = learnt(wrong), learnt(before[trial.person])
        match = now.fits_to(past)[trial.band]
        reported += np.array([taken_for_swapped(each, past) for each in (swapped(now), now)])
        tallies[_BY_REFERENCE[0]].add(trial, match.placement, beside(trial.donning, trial.band))
        if match.sure:
            tallies[_BY_REFERENCE[1]].add(trial, match.placement, beside(trial.donning, trial.band))
        if number in chosen:
            for name, labels in zip(_BY_MODEL, ((), wrong.labels), strict=True):
                place = likeliest_placements(bundles[trial.person], TypedSignal(wrong.chunk, labels))[trial.band]
                tallies[name].add(trial, place, float(turned(trial.donning)[trial.band]))
    table = Table("search by", "trials", "mirror right %", "and within 2 electrodes %", "within 1 %", "exact %")
    figures = {name: tally.figures() for name, tally in tallies.items() if name in _BY_REFERENCE or chosen}
    for name, row in figures.items():
        table.add_row(name, *(f"{value:g}" if key == "trials" else f"{value:.1f}" for key, value in row.items()))
    summary = f"people {options.people}, {options.seconds:g} s of typing, another donning each"
    swaps = dict(zip(("swapped", "not_swapped"), reported.tolist(), strict=True))
    line = "reported as swapped: {swapped} of {all} swapped ones, {not_swapped} of {all} others"
    publish(options, [summary, table, line.format(**swaps, all=len(all_trials))], {**figures, "told_swapped": swaps})


if __name__ == "__main__":
    main()
