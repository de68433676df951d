"""Compare our decoder with others on the same emissions, language model, beam and pruning: µs per frame, and CER.

The other decoders run in an environment of their own (`make peers`), on one recording of a minute after the other;
streaming ones get one frame per call, as ours does. Ours is timed as the daemon runs it, with its commit rule and its
events. Each decoder has the settings that did best on separate minutes: the weight of the language model, the bonus
(flashlight-text has one for spaces alone), and with ours the price of a ⌫. pyctcdecode is too slow for a search and
takes the settings of ctc-beam-decoder, whose search is the same.

    python -m benchmarks.decoder_against_peers --peers .peers/bin/python --keys FILE.npz --minutes 60
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from benchmarks.synthetic_emissions import KINDS, add_key_options, emissions, load_keys, load_language_model, minutes_of
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import LAG, Committer
from decoder.language.flat import FlatScorer, FlatTables
from decoder.language.model import LanguageModelFacts
from decoder.metrics import CharacterErrors, cer_difference
from emgtype.places import LM_BINARY
from messages.charset import BACKSPACE, KEYS, SPACE
from messages.emission import Emission
from messages.text import KeySequence

OURS, LIVE = "emgtype, at the end", f"emgtype, live ({LAG:g} s)"
FLASHLIGHT, CTC, PYCTC = "flashlight-text", "ctc-beam-decoder", "pyctcdecode"
SCRIPT = Path(__file__).with_name("decoder_peers.py")
SETTINGS: dict[str, tuple[float, ...]] = {
    "weight": (0.3, 0.05, 0.1, 0.2, 0.5, 0.8, 1.2),
    "bonus": (0.0, -1.0, -0.5, 0.5, 1.0, 1.5),
    "backspace": (-4.5, -3.0, -6.0, -8.0),
}
"""Values to try for each setting; the search begins with the first of each."""
SLOW = 1
"""Recordings for pyctcdecode, which takes minutes for each where emissions are flat."""


@dataclass(frozen=True, slots=True)
class Job:
    """A decoder with its settings, and the recordings to decode."""

    decoder: str
    recordings: tuple[str, ...]
    weight: float = SETTINGS["weight"][0]
    bonus: float = SETTINGS["bonus"][0]
    backspace: float = SETTINGS["backspace"][0]


@dataclass(slots=True)
class Outcome:
    """The errors of a job by recording, and its time in µs by frame (by recording where a decoder does not stream)."""

    errors: dict[str, CharacterErrors] = field(default_factory=dict)
    us: list[float] = field(default_factory=list)

    @property
    def cer(self) -> float:
        """CER in % over all recordings."""
        return sum(self.errors.values(), CharacterErrors()).cer


@dataclass(frozen=True, slots=True)
class Bench:
    """The recordings with their truth, and the language model."""

    recordings: dict[str, Emission]
    truth: dict[str, list[int]]
    tables: FlatTables
    facts: LanguageModelFacts
    lm: Path
    peers: Path

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run all jobs, ours in this process and the others in their environment."""
        outcomes = [Outcome() for _ in jobs]
        others = [n for n, job in enumerate(jobs) if job.decoder not in (OURS, LIVE)]
        for n in [n for n in range(len(jobs)) if n not in others]:
            self._ours(jobs[n], outcomes[n])
        if others:
            self._theirs([jobs[n] for n in others], [outcomes[n] for n in others])
        return outcomes

    def _ours(self, job: Job, outcome: Outcome) -> None:
        priors = {**self.facts.priors, BACKSPACE: job.backspace}
        scorer = FlatScorer(self.tables, replace(self.facts, weight=job.weight, bonus=job.bonus, priors=priors))
        for name in job.recordings:
            beam, emission = PrefixBeam(BeamSettings(), scorer), self.recordings[name]
            if job.decoder == OURS:
                beam.push(emission)
                beam.finish()
                labels = list(beam.labels())
            else:
                labels = self._live(Committer(beam), emission, outcome.us)
            outcome.errors[name] = CharacterErrors.between(labels, self.truth[name])

    @staticmethod
    def _live(committer: Committer, emission: Emission, us: list[float]) -> list[int]:
        text = KeySequence()
        for frame in range(len(emission.times)):
            piece = Emission(emission.log_probs[frame : frame + 1], emission.times[frame : frame + 1])
            start = time.perf_counter_ns()
            events = committer.push(piece)
            us.append((time.perf_counter_ns() - start) / 1000)
            for event in events:
                text.push(event)
        for last in committer.finish():
            text.push(last)
        return [key.label for key in text.final]

    def _theirs(self, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
        # No two labels may share a word there. A capital, which has its small letter's token, gets another word.
        tokens = self.facts.tokens
        words = [tokens[k] if k in tokens and k == k.lower() else f"key{label}" for label, k in enumerate(KEYS)]
        settings = {
            **asdict(BeamSettings()),
            "words": words,
            "space": tokens[SPACE],
            "lm": str(self.lm.resolve()),
            "jobs": [asdict(job) for job in jobs],
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "recordings.npz")
            arrays = {name: emission.log_probs for name, emission in self.recordings.items()}
            np.savez(file, settings=json.dumps(settings), **arrays)  # type: ignore[arg-type]  # its names are free
            done = subprocess.Popen(
                [self.peers, SCRIPT, file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert done.stdout is not None
            total = sum(len(job.recordings) for job in jobs)
            for line in track(done.stdout, "the others", total=total, transient=True, console=Console(stderr=True)):
                result = json.loads(line)
                if "missing" in result:
                    continue
                outcome, name = outcomes[result["job"]], result["recording"]
                outcome.errors[name] = CharacterErrors.between(result["labels"], self.truth[name])
                outcome.us += result["us"]
        if done.wait():
            raise SystemExit(f"{SCRIPT.name} ended with {done.returncode}: run it by itself to see why")


def tuned(bench: Bench, decoder: str, names: tuple[str, ...]) -> Job | None:
    """Return a decoder with its best settings, or None where it is not installed.

    Each setting is tried while the others stay; this is done twice.
    """
    job, outcomes = Job(decoder, names), dict[Job, Outcome]()
    turns = {"weight": SETTINGS["weight"], "bonus": SETTINGS["bonus"]}
    if decoder in (OURS, LIVE):
        turns = SETTINGS
    for setting, values in [*turns.items()] * 2:
        jobs = [replace(job, **{setting: value}) for value in values]  # type: ignore[arg-type]  # all are floats
        new = [job for job in jobs if job not in outcomes]
        outcomes.update(zip(new, bench.run(new), strict=True))
        if not outcomes[jobs[0]].errors:
            return None
        job = min(jobs, key=lambda job: outcomes[job].cer)
    return job


def difference(ours: Outcome, theirs: Outcome) -> dict[str, float]:
    """Return CER of ours minus theirs on the recordings that both decoded, with its paired 95 % interval."""
    gain = cer_difference([ours.errors[name] for name in theirs.errors], list(theirs.errors.values()))
    return {"points": gain.difference, "low": gain.low, "high": gain.high}


def figures_of(jobs: dict[str, Job], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """Return the figures of one kind of emissions, by decoder."""
    figures: dict[str, Any] = {}
    for name, outcome in outcomes.items():
        job, us = jobs[name], outcome.us
        streams = len(us) > len(outcome.errors)
        figures[name] = {
            "settings": {setting: getattr(job, setting) for setting in SETTINGS},
            "us": {f"p{q}": float(np.percentile(us, q)) for q in (50, 99) if streams}
            | ({"mean": float(np.mean(us))} if us else {}),
            "recordings": len(outcome.errors),
            "cer": outcome.cer,
        }
        if name not in (OURS, LIVE):
            figures[name] |= {"ours": difference(outcomes[OURS], outcome), "live": difference(outcomes[LIVE], outcome)}
            mine = figures[LIVE]["us"]
            figures[name]["times ours"] = {q: us / mine[q] for q, us in figures[name]["us"].items()}
    return figures


def tables_of(title: str, figures: dict[str, Any]) -> list[Table]:
    """Return a table of time and CER with a row per decoder, and a table of the differences from ours."""
    first = Table("decoder", "weight, bonus(, ⌫)", "p50", "p99", "mean, µs", "CER %", title=f"{title} emissions")
    columns = ("beside", "p50 / ours", "mean / ours", "CER: ours at end − its (95 %)", "ours live − its (95 %)")
    second = Table(*columns)
    for name, row in figures.items():
        mine = name in (OURS, LIVE)
        settings = [f"{value:g}" for value in row["settings"].values()][: 3 if mine else 2]
        us = [f"{row['us'][q]:.1f}" if q in row["us"] else "" for q in ("p50", "p99", "mean")]
        first.add_row(name, ", ".join(settings), *us, f"{row['cer']:.2f}")
        if not mine:
            times = [f"{row['times ours'][q]:.1f}" if q in row["times ours"] else "" for q in ("p50", "mean")]
            gains = [f"{g['points']:+.2f} ({g['low']:+.2f} to {g['high']:+.2f})" for g in (row["ours"], row["live"])]
            second.add_row(name, *times, *gains)
    return [first, second]


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(".peers/bin/python"),
        help="Python of the environment with the other decoders",
    )
    add_key_options(parser, minutes=10.0)
    parser.add_argument("--tune", type=int, default=3, help="further minutes, on which the settings are tuned")
    options = parser.parse_args()
    facts, tables = load_language_model(options.lm)
    rng = np.random.default_rng(options.seed)
    keys = {str(n): k for n, k in enumerate(minutes_of(load_keys(options, options.minutes + options.tune, rng)))}
    truth = {name: [label for label, _ in recording] for name, recording in keys.items()}
    names = tuple(keys)
    summary = f"{sum(map(len, truth.values()))} keys in {len(keys)} minutes, the first {options.tune} for the settings"
    parts, figures = list[Table | str]([summary]), dict[str, Any]()
    for kind, flat in KINDS.items():
        recordings = {name: emissions(recording, flat, rng) for name, recording in keys.items()}
        bench = Bench(recordings, truth, tables, facts, options.lm / LM_BINARY, options.peers)
        best = {name: tuned(bench, name, names[: options.tune]) for name in (OURS, LIVE, FLASHLIGHT, CTC)}
        best[PYCTC] = replace(best[CTC] or Job(PYCTC, ()), decoder=PYCTC)
        tested = names[options.tune :]
        jobs = {
            name: replace(job, recordings=tested[: SLOW if name == PYCTC else None])
            for name, job in best.items()
            if job
        }
        outcomes = dict(zip(jobs, bench.run(list(jobs.values())), strict=True))
        figures[kind] = figures_of(jobs, {name: outcome for name, outcome in outcomes.items() if outcome.errors})
        parts += tables_of(kind, figures[kind])
    publish(options, parts, {"keys": sum(map(len, truth.values())), "minutes": len(names), **figures})


if __name__ == "__main__":
    main()
