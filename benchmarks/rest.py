"""Measure phantom characters, keys decoded while nobody types, per hour and activity; and what avoiding them costs.

The simulated person of the model wears the bands, on donnings that the model was not trained on. At rest there is only
tone and noise; clenching, a mouse (simulator.activities) and handling the bands (simulator.redonning) do not occur in
the model's training. Sessions of typing show the cost in CER: each guard decodes the same emissions. All settings were
chosen on donnings 2000 to 2007 (typing) and 7000 to 7105 (the rest); the figures are of other donnings.

    python -m benchmarks.rest                       # 20 minutes of each rest, 32 of typing
    python -m benchmarks.rest --minutes 180 --kinds rest
    python -m benchmarks.rest --roc                 # thresholds of every kind
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from decoder.ctc.commit import Committer
from decoder.metrics import CharacterErrors, cer_difference, segment_errors
from emgtype.config import Config, load_config
from emgtype.models.bundle import Bundle, open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.models.pipelines import OFFLINE, stages_of
from emgtype.replay.key_delays import ShownKeys
from emgtype.texts import load_text
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.signal import Chunk, Frames
from simulator.activities import Activity, clenching, mouse
from simulator.person import make_person
from simulator.redonning import HANDLED, redonning_chunks
from simulator.session import simulate, typing_session
from streamer.activity.idle_gate import IdleGate
from streamer.encoder.choice import open_encoder
from streamer.front_end.choice import open_front_end
from streamer.pipeline import Pipeline
from streamer.stages import PipelineOptions

ACTIVITIES: dict[str, Callable[[float, int], Activity | None]] = {
    "rest": lambda _seconds, _seed: None,
    "clench": clenching,
    "mouse": mouse,
}
REDON, TYPING = "redon", "typing"
KINDS = (*ACTIVITIES, REDON, TYPING)
FIRST, FIRST_TYPED = 6000, 2008
"""Donnings of the first sessions, resting and typing."""
_SESSION, _TYPED = 300.0, 240.0
"""Seconds of a session, resting and typing."""
_WORN = 60.0 - 4 * HANDLED
"""Seconds that each donning is worn, so that a minute holds one."""
_PIECE = 50
"""Keys of a segment, the unit that the bootstrap draws."""


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards against phantoms; everything else is as in config.toml."""

    gate: bool = True
    reject: float | None = None
    """Confidence below which a key is rejected; None: that of config.toml."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the gate, by name."""


SHIPPED = "gate and rejection"
GUARDS = {"nothing": Guards(gate=False, reject=0.0), "gate": Guards(reject=0.0), SHIPPED: Guards()}
ROC = {
    **{f"rejection below {p:g}": Guards(gate=False, reject=p) for p in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)},
    **{
        f"gate, burst tolerance {x:g}": Guards(reject=0.0, settings={"burst_tolerance_db": x})
        for x in (5.0, 6.0, 9.0, 12.0)
    },
    **{f"gate, posture {x:g}": Guards(reject=0.0, settings={"posture_db": x}) for x in (0.0, 3.0, 5.0, 6.0)},
    **{
        f"gate, clench margin {x:g}": Guards(reject=0.0, settings={"clench_margin_db": x})
        for x in (3.0, 1.0, 0.5, -1.5, -2.5)
    },
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The text of one session with one set of guards, and what the guards withheld."""

    labels: tuple[int, ...]
    taken_back: int
    rejected: int
    closed: float
    """Share of the frames for which the gate was closed."""
    seconds: float
    segments: tuple[CharacterErrors, ...]


def chunks_of(kind: str, donning: int, person: int) -> tuple[Iterator[Chunk], list[int]]:
    """Return a session's samples, and the labels typed in it."""
    who = make_person(person)
    if kind == TYPING:
        session = typing_session(who, donning, load_text("test"), _TYPED)
        return session.chunks(), [key.label for key in session.keystrokes if key.label is not None]
    if kind == REDON:
        minutes = round(_SESSION / 60)
        return redonning_chunks(who, range(minutes * donning, minutes * (donning + 1)), _WORN), []
    activity = ACTIVITIES[kind](_SESSION, donning)
    return simulate(who, (), donning, 0.0, _SESSION, activity=activity), []


def encode(chunks: Iterator[Chunk], bundle: Bundle, hop: int) -> tuple[list[Frames], list[Emission]]:
    """Encode samples.

    Returns:
        Frames, a piece per chunk, and emissions, one per hop.
    """
    front_end = open_front_end(bundle.facts.front_end, bundle.facts.layout)
    stages = stages_of(bundle, open_encoder(str(bundle.encoder), OFFLINE, bundle.facts))
    pipeline = Pipeline(stages, bundle.facts, PipelineOptions(decode_hop=hop))
    emissions: list[Emission] = []
    pipeline.tap = emissions.append
    frames = []
    for chunk in chunks:
        pipeline.push(chunk)
        frames.append(front_end.push(chunk))
    pipeline.finish()
    return frames, emissions


def decode(
    guards: Guards, frames: list[Frames], emissions: list[Emission], bundle: Bundle, config: Config
) -> tuple[ShownKeys, Committer, IdleGate | None]:
    """Decode frames and emissions as a pipeline with these guards would."""
    reject = config.decoder.commit.reject_below if guards.reject is None else guards.reject
    rule = replace(config.decoder.commit, reject_below=reject)
    committer = Committer(beam_for(scorer_for(bundle, config.decoder.language_model), config.decoder), rule)
    gate = IdleGate(bundle.facts, replace(config.gate, **guards.settings)) if guards.gate else None
    keys = ShownKeys()
    if gate:
        for piece in frames:
            gate.listen(piece)
    for emission in emissions:
        for event in committer.push(gate.push(emission) if gate else emission):
            keys.push(event)
    for event in committer.finish():
        keys.push(event)
    return keys, committer, gate


def session(kind: str, donning: int, person: int, name: str, guard_sets: Mapping[str, Guards]) -> dict[str, Outcome]:
    """Return the outcome of each set of guards on one session."""
    config, bundle = load_config(None, {"bundle": name}), open_bundle(name)
    chunks, truth = chunks_of(kind, donning, person)
    frames, emissions = encode(chunks, bundle, config.pipeline.hop_frames)
    ends = [*range(_PIECE, len(truth), _PIECE), len(truth)]
    outcomes = {}
    for guards in guard_sets:
        keys, committer, gate = decode(guard_sets[guards], frames, emissions, bundle, config)
        errors = segment_errors(keys.labels, truth, ends) if truth else []
        closed = gate.closed_frames / gate.frames if gate else 0.0
        seconds = sum(len(piece.times) for piece in frames) * bundle.facts.front_end.hop / bundle.facts.layout.rate
        outcomes[guards] = Outcome(tuple(keys.labels), keys.erased, committer.rejected, closed, seconds, tuple(errors))
    return outcomes


def figures_of(
    outcomes: Mapping[str, list[dict[str, Outcome]]], guard_sets: Mapping[str, Guards]
) -> dict[str, dict[str, Any]]:
    """Return the figures by guards and kind of session."""
    figures: dict[str, dict[str, Any]] = {guards: {} for guards in guard_sets}
    for kind, sessions in outcomes.items():
        for guards, by_kind in figures.items():
            own = [session[guards] for session in sessions]
            by_kind[kind] = {
                "hours": sum(o.seconds for o in own) / 3600,
                "closed": float(np.mean([o.closed for o in own])),
                "rejected": sum(o.rejected for o in own),
            }
            if kind == TYPING:
                pieces, unguarded = (
                    [e for s in sessions for e in s[name].segments] for name in (guards, next(iter(guard_sets)))
                )
                change = cer_difference(pieces, unguarded)
                by_kind[kind] |= {
                    "cer": sum(pieces, CharacterErrors()).cer,
                    "points": change.difference,
                    "low": change.low,
                    "high": change.high,
                }
            else:
                count = sum(len(o.labels) for o in own)
                text = labels_to_text([label for o in own for label in o.labels][:12])
                shown = sum(o.taken_back for o in own)
                by_kind[kind] |= {"phantoms": count, "per_hour": count / by_kind[kind]["hours"]}
                by_kind[kind] |= {"taken_back": shown, "begins": text}
    return figures


def table_of(figures: Mapping[str, Mapping[str, Any]], kinds: list[str]) -> Table:
    """Return a table with a row per set of guards."""
    table = Table(
        "against phantoms", title="phantom characters, and per hour (share of the time that the gate is closed)"
    )
    for kind in kinds:
        hours = next(iter(figures.values()))[kind]["hours"]
        table.add_column(
            f"{kind}, {hours:.1f} h" + (": CER %, change (95 %)" if kind == TYPING else ""), justify="right"
        )
    for guards, by_kind in figures.items():
        cells = []
        for kind in kinds:
            row = by_kind[kind]
            closed = f"({100 * row['closed']:.1f} %)"
            if kind == TYPING:
                cells.append(
                    f"{row['cer']:.2f}, {row['points']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f}) {closed}"
                )
            else:
                cells.append(f"{row['phantoms']}, {row['per_hour']:.1f} {closed}")
        table.add_row(guards, *cells)
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed of who wears the bands")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each kind of rest, in sessions of five")
    parser.add_argument("--typing", type=int, default=8, help="sessions of typing, four minutes each")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--roc", action="store_true", help="try thresholds, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    guard_sets = {**GUARDS, **(ROC if options.roc else {})}
    outcomes: dict[str, list[dict[str, Outcome]]] = {}
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        runs = {}
        for kind in options.kinds:
            first = FIRST_TYPED if kind == TYPING else FIRST
            count = options.typing if kind == TYPING else max(1, round(60 * options.minutes / _SESSION))
            runs[kind] = [
                pool.submit(session, kind, donning, options.person, options.bundle, guard_sets)
                for donning in range(first, first + count)
            ]
        for kind, made in runs.items():
            outcomes[kind] = [run.result() for run in track(made, kind, transient=True, console=Console(stderr=True))]
    figures = figures_of(outcomes, guard_sets)
    publish(options, [table_of(figures, options.kinds)], figures)


if __name__ == "__main__":
    main()
