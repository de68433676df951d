"""Phantom characters: keys that are typed while nobody types, per hour, by what the hands do instead; and their price.

The bands are worn by the simulated person of the model, on donnings that it never saw. At rest there is nothing but
tone and noise; clenching, a mouse (simulator.activities) and handling the bands (simulator.redonning) are what the
model was never taught. Sessions of typing tell what it costs in CER not to type phantoms: each way of hearing decodes
the same emissions. All settings were chosen on donnings 2000 to 2007 (typing) and 7000 to 7105 (the rest); the figures
are of others.

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
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from decoder.ctc.commit import Committer
from decoder.metrics import CharacterErrors, cer_difference, segment_errors
from emgtype.config import Config, load_config
from emgtype.models.bundle import OFFLINE, Bundle, beam_for, open_bundle, scorer_for
from emgtype.replay.key_delays import ShownKeys
from emgtype.texts import load_text
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.signal import Chunk
from simulator.activities import Activity, clenching, mouse
from simulator.person import make_person
from simulator.redonning import HANDLED, redonned
from simulator.session import simulate, typing_session
from streamer.activity.idle_gate import IdleGate
from streamer.encoder.whole import open_encoder
from streamer.front_end.stft import Spectrogram
from streamer.pipeline import Pipeline

ACTIVITIES: dict[str, Callable[[float, int], Activity | None]] = {
    "rest": lambda _seconds, _seed: None,
    "clench": clenching,
    "mouse": mouse,
}
REDON, TYPING = "redon", "typing"
KINDS = (*ACTIVITIES, REDON, TYPING)
FIRST, FIRST_TYPED = 6000, 2008
"""Donnings of the first sessions, resting and typing."""
_SESSION, _TYPED = 300.0, 240.0  # seconds
_WORN = 60.0 - 4 * HANDLED  # of each donning, so that a minute holds one
_PIECE = 50  # keys that the bootstrap draws at a time


@dataclass(frozen=True, slots=True)
class Way:
    """What is done against phantoms; with all of config.toml otherwise."""

    gate: bool = True
    reject: float | None = None
    """None: as config.toml says."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the gate, by name."""


SHIPPED = "gate and rejection"
WAYS = {"nothing": Way(gate=False, reject=0.0), "gate": Way(reject=0.0), SHIPPED: Way()}
ROC = {
    **{f"rejection below {p:g}": Way(gate=False, reject=p) for p in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)},
    **{
        f"gate, burst tolerance {x:g}": Way(reject=0.0, settings={"burst_tolerance_db": x})
        for x in (5.0, 6.0, 9.0, 12.0)
    },
    **{f"gate, posture {x:g}": Way(reject=0.0, settings={"posture_db": x}) for x in (0.0, 3.0, 5.0, 6.0)},
    **{
        f"gate, clench margin {x:g}": Way(reject=0.0, settings={"clench_margin_db": x})
        for x in (3.0, 1.0, 0.5, -1.5, -2.5)
    },
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way made of one session."""

    labels: tuple[int, ...]
    taken_back: int
    rejected: int
    closed: float
    """Share of the frames."""
    seconds: float
    segments: tuple[CharacterErrors, ...]


def chunks_of(kind: str, donning: int, person: int) -> tuple[Iterator[Chunk], list[int]]:
    """A session's samples, and the labels typed in it."""
    who = make_person(person)
    if kind == TYPING:
        session = typing_session(who, donning, load_text("test"), _TYPED)
        return session.chunks(), [key.label for key in session.keystrokes if key.label is not None]
    if kind == REDON:
        minutes = round(_SESSION / 60)
        return redonned(who, range(minutes * donning, minutes * (donning + 1)), _WORN), []
    activity = ACTIVITIES[kind](_SESSION, donning)
    return simulate(who, (), donning, 0.0, _SESSION, activity=activity), []


class _Nothing:
    """A decoder that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Emission] = []

    def push(self, emission: Emission) -> None:
        self.heard.append(emission)

    def finish(self) -> None:
        return

    def reset(self) -> None:
        return


def heard(chunks: Iterator[Chunk], bundle: Bundle, hop: int) -> tuple[list[npt.NDArray[np.float32]], list[Emission]]:
    """Frames, a piece for each chunk, and emissions, a hop each."""
    ear, spectrogram = _Nothing(), Spectrogram(bundle.facts.stft)
    pipeline = Pipeline(open_encoder(str(bundle.encoder), OFFLINE, bundle.facts), ear, decode_hop=hop)
    frames = []
    for chunk in chunks:
        pipeline.push(chunk)
        frames.append(spectrogram.push(chunk.samples, chunk.times)[0])
    pipeline.finish()
    return frames, ear.heard


def typed(
    way: Way, frames: list[npt.NDArray[np.float32]], emissions: list[Emission], bundle: Bundle, config: Config
) -> tuple[ShownKeys, Committer, IdleGate | None]:
    """What comes of frames and emissions, as a pipeline of these settings has it."""
    reject = config.decoder.commit.reject_below if way.reject is None else way.reject
    rule = replace(config.decoder.commit, reject_below=reject)
    committer = Committer(beam_for(scorer_for(bundle, config.decoder.language_model), config.decoder), rule)
    gate = IdleGate(bundle.facts, replace(config.gate, **way.settings)) if way.gate else None
    keys = ShownKeys()
    if gate:
        for piece in frames:
            gate.listen(piece)
    for emission in emissions:
        if event := committer.push(gate.push(emission) if gate else emission):
            keys.push(event)
    if event := committer.finish():
        keys.push(event)
    return keys, committer, gate


def session(kind: str, donning: int, person: int, name: str, ways: Mapping[str, Way]) -> dict[str, Outcome]:
    """What each way makes of one session."""
    config, bundle = load_config(None, {"bundle": name}), open_bundle(name)
    chunks, truth = chunks_of(kind, donning, person)
    frames, emissions = heard(chunks, bundle, config.pipeline.hop_frames)
    ends = [*range(_PIECE, len(truth), _PIECE), len(truth)]
    found = {}
    for way in ways:
        keys, committer, gate = typed(ways[way], frames, emissions, bundle, config)
        errors = segment_errors(keys.labels, truth, ends) if truth else []
        closed = gate.closed / gate.frames if gate else 0.0
        seconds = sum(map(len, frames)) * bundle.facts.stft.hop / bundle.facts.layout.rate
        found[way] = Outcome(tuple(keys.labels), keys.erased, committer.rejected, closed, seconds, tuple(errors))
    return found


def figures_of(outcomes: Mapping[str, list[dict[str, Outcome]]], ways: Mapping[str, Way]) -> dict[str, dict[str, Any]]:
    """By way and kind."""
    figures: dict[str, dict[str, Any]] = {way: {} for way in ways}
    for kind, sessions in outcomes.items():
        for way, found in figures.items():
            mine = [session[way] for session in sessions]
            found[kind] = {
                "hours": sum(o.seconds for o in mine) / 3600,
                "closed": float(np.mean([o.closed for o in mine])),
                "rejected": sum(o.rejected for o in mine),
            }
            if kind == TYPING:
                pieces, bare = ([e for s in sessions for e in s[name].segments] for name in (way, next(iter(ways))))
                change = cer_difference(pieces, bare)
                found[kind] |= {
                    "cer": sum(pieces, CharacterErrors()).cer,
                    "points": change.difference,
                    "low": change.low,
                    "high": change.high,
                }
            else:
                count = sum(len(o.labels) for o in mine)
                text = labels_to_text([label for o in mine for label in o.labels][:12])
                shown = sum(o.taken_back for o in mine)
                found[kind] |= {"phantoms": count, "per_hour": count / found[kind]["hours"]}
                found[kind] |= {"taken_back": shown, "begins": text}
    return figures


def table_of(figures: Mapping[str, Mapping[str, Any]], kinds: list[str]) -> Table:
    """A row a way."""
    table = Table(
        "against phantoms", title="phantom characters, and per hour (share of the time that the gate is closed)"
    )
    for kind in kinds:
        hours = next(iter(figures.values()))[kind]["hours"]
        table.add_column(
            f"{kind}, {hours:.1f} h" + (": CER %, change (95 %)" if kind == TYPING else ""), justify="right"
        )
    for way, found in figures.items():
        cells = []
        for kind in kinds:
            f = found[kind]
            closed = f"({100 * f['closed']:.1f} %)"
            if kind == TYPING:
                cells.append(f"{f['cer']:.2f}, {f['points']:+.2f} ({f['low']:+.2f} to {f['high']:+.2f}) {closed}")
            else:
                cells.append(f"{f['phantoms']}, {f['per_hour']:.1f} {closed}")
        table.add_row(way, *cells)
    return table


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed of who wears the bands")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each kind of rest, in sessions of five")
    parser.add_argument("--typing", type=int, default=8, help="sessions of typing, four minutes each")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--roc", action="store_true", help="try thresholds, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    ways = {**WAYS, **(ROC if options.roc else {})}
    outcomes: dict[str, list[dict[str, Outcome]]] = {}
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        runs = {}
        for kind in options.kinds:
            first = FIRST_TYPED if kind == TYPING else FIRST
            count = options.typing if kind == TYPING else max(1, round(60 * options.minutes / _SESSION))
            runs[kind] = [
                pool.submit(session, kind, donning, options.person, options.bundle, ways)
                for donning in range(first, first + count)
            ]
        for kind, made in runs.items():
            outcomes[kind] = [run.result() for run in track(made, kind, transient=True, console=Console(stderr=True))]
    figures = figures_of(outcomes, ways)
    publish(options, [table_of(figures, options.kinds)], figures)


if __name__ == "__main__":
    main()
