"""Measure the watch of the signal and the conditioner: their time, the delay until a fault is named, and a turned band.

Time: of one hop of samples (32 ms by default); the conditioner's is part of its stage, the watch works once a second,
after the text has gone out. Faults: seconds until a dead electrode is named, and false messages in hours of good
signal.
Turned: CER of the model's person on donnings that it was not trained on, one band rolled; uncorrected and corrected.

    python -m benchmarks.signal_check
    python -m benchmarks.signal_check --donnings 4 --minutes 3   # the figures of docs/signal.md
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish, spread
from decoder.metrics import CharacterErrors
from emgtype.config import Config, load_config
from emgtype.models.bundle import Bundle, open_bundle
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.replay.key_delays import ShownKeys
from emgtype.texts import load_text
from messages.signal import Chunk
from simulator.faults import dead, worn
from simulator.person import make_person
from simulator.session import LAYOUT, TypingSession, simulate, typing_session
from streamer.conditioning.corrections import Conditioner, Corrections, Identity, conditioner
from streamer.conditioning.placement import Placement
from streamer.quality.rules import Fault, sentences
from streamer.quality.watch import SignalWatch

FIRST = 7200
"""Donning of the first session."""
_HOP = 64
"""Samples of a hop: four frames."""
_CONDITIONERS: dict[str, Corrections] = {
    "identity": Corrections(),
    "roll and gain": Corrections(roll=(2, 0), gain=(1.0, 1.5)),
    "and high-pass and notch": Corrections(roll=(2, 0), gain=(1.0, 1.5), high_pass_hz=20.0, notch_hz=50.0),
}


def pieces(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Cut chunks into pieces of a hop."""
    return [
        Chunk(chunk.samples[first : first + _HOP], chunk.times[first : first + _HOP], LAYOUT)
        for chunk in chunks
        for first in range(0, len(chunk.times) - _HOP + 1, _HOP)
    ]


def microseconds(stage: SignalWatch | Conditioner, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Return the time of each push, in µs."""
    durations = []
    for chunk in chunks:
        began = time.perf_counter()
        stage.push(chunk)
        durations.append(1e6 * (time.perf_counter() - began))
    return spread(durations)


def named_after(chunks: Sequence[Chunk], remains: float) -> float:
    """Return the seconds from the loss of a contact to its name; infinity: never."""
    watch, start = SignalWatch(LAYOUT), chunks[0].times[0]
    for chunk in pieces(chunks):
        changes = watch.push(dead(chunk, 0, [5], remains))
        if any(change.fault == Fault("dead", 0, 5) for change in changes):
            return float(chunk.times[-1] - start)
    return float("inf")


def false_alarms(person: int, minutes: float, first: int, sessions: int) -> list[str]:
    """Return the messages about sessions without a fault, typing and rest in turn."""
    messages: list[str] = []
    for donning in track(range(first, first + sessions), f"person {person}", transient=True):
        watch, text = SignalWatch(LAYOUT), load_text("test")
        typing = typing_session(make_person(person), donning, text, 60 * minutes).chunks()
        for chunks in (typing, simulate(make_person(person), (), donning, 0.0, 30 * minutes)):
            for chunk in chunks:
                begun = [change.fault for change in watch.push(chunk) if change.begins]
                messages += [f"donning {donning}: {sentence}" for sentence in sentences(begun, LAYOUT)]
    return messages


def cer(session: TypingSession, bundle: Bundle, config: Config, place: Placement) -> CharacterErrors:
    """Return the errors of the live chain with the left band put on so that `place` would correct it."""
    keys, pipeline = ShownKeys(), assemble(bundle, config, block=OFFLINE)
    for chunk in session.chunks():
        for event in pipeline.push(worn(chunk, [place, Placement()])):
            keys.push(event)
    for event in pipeline.finish():
        keys.push(event)
    return CharacterErrors.between(keys.labels, [k.label for k in session.keystrokes if k.label is not None])


def turned(bundle: str, person: int, donnings: int, minutes: float) -> dict[str, dict[str, float]]:
    """Return the CER in % by the placement of the left band."""
    opened, config, text = open_bundle(bundle), load_config(flags={"bundle": bundle}), load_text("test")
    sessions = [typing_session(make_person(person), FIRST + number, text, 60 * minutes) for number in range(donnings)]
    places = {"as it should": Placement()} | {f"rolled by {roll}": Placement(roll) for roll in (1, 2, 4, 8)}
    places |= {"mirrored": Placement(0, True)}
    figures = {}
    for name, place in track(places.items(), "turned", transient=True):
        corrections = Corrections(roll=(place.roll, 0), mirror=(place.mirror, False))
        corrected = replace(config, conditioner=corrections)
        figures[name] = {
            "uncorrected": sum((cer(s, opened, config, place) for s in sessions), CharacterErrors()).cer,
            "corrected": sum((cer(s, opened, corrected, place) for s in sessions), CharacterErrors()).cer,
        }
    return figures


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed of the bundle's person")
    parser.add_argument("--donnings", type=int, default=2, help="for the CER")
    parser.add_argument("--minutes", type=float, default=2.0, help="of typing on each")
    parser.add_argument(
        "--good", type=int, default=4, help="sessions of good signal, of --minutes and half as much rest"
    )
    options = parser.parse_args()
    typed = list(typing_session(make_person(options.person), FIRST, load_text("test"), 60.0).chunks())
    rested = list(simulate(make_person(options.person), (), FIRST, 0.0, 10.0))
    hops = pieces(typed)
    stages = {f"conditioner: {name}": conditioner(corrections, LAYOUT) for name, corrections in _CONDITIONERS.items()}
    assert isinstance(stages["conditioner: identity"], Identity)
    costs = {name: microseconds(stage, hops) for name, stage in stages.items()}
    costs["watch"] = microseconds(SignalWatch(LAYOUT), hops)
    cost = Table("µs per hop of 32 ms", "mean", "p50", "p99", "max")
    for name, row in costs.items():
        cost.add_row(name, *(f"{row[column]:.1f}" for column in ("mean", "p50", "p99", "max")))
    soon = Table("an electrode that gives", "named after s, typing", "at rest")
    named = {}
    for what, remains in (("nothing", 0.0), ("a thirtieth", 1 / 30)):
        named[what] = [named_after(chunks, remains) for chunks in (typed, rested)]
        soon.add_row(what, *("never" if np.isinf(after) else f"{after:.1f}" for after in named[what]))
    alarms = false_alarms(options.person, options.minutes, FIRST, options.good)
    rows = turned(options.bundle, options.person, options.donnings, options.minutes)
    text = Table("the left band", "CER % uncorrected", "corrected")
    for name, errors in rows.items():
        text.add_row(name, f"{errors['uncorrected']:.2f}", f"{errors['corrected']:.2f}")
    hours = options.good * options.minutes * 1.5 / 60
    figures = {"microseconds": costs, "named_after": named, "alarms": alarms, "hours": hours, "turned": rows}
    alarm_lines = [f"{len(alarms)} false messages in {hours:.2f} hours on {options.good} donnings", *alarms]
    publish(options, [cost, soon, *alarm_lines, text], figures)


if __name__ == "__main__":
    main()
