"""Our decoder beside others on the same emissions, language model, beam and pruning: µs per frame, and CER.

The others run in an environment of their own (`make peers`), one recording of a minute after the other; those that
stream get one frame per call, as ours does. Ours is timed with its commit rule, the text asked for after each frame.
Each decoder has the language model weight and the bonus that did best on recordings of their own (flashlight knows no
bonus; pyctcdecode is too slow for a search and takes those of ctc-beam-decoder, which searches as it does).

    python -m benchmarks.decoder_against_peers --peers .peers/bin/python --keys FILE.npz --minutes 60
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.synthetic_emissions import Keys, emissions, load_keys
from decoder.beam import BeamSettings, PrefixBeam
from decoder.charset import KEYS, SPACE
from decoder.committer import LAG, PATIENCE
from decoder.flat_lm import FlatScorer, FlatTables
from decoder.lm import LanguageModelFacts
from decoder.messages import Emission, Key
from decoder.metrics import CharacterErrors, cer_difference
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES

OURS, LIVE = "emgtype, at the end", f"emgtype, live ({LAG:g} s)"
FLASHLIGHT, CTC, PYCTC = "flashlight-text", "ctc-beam-decoder", "pyctcdecode"
SCRIPT = Path(__file__).with_name("decoder_peers.py")
WEIGHTS, BONUSES = (0.3, 0.65, 1.0), (0.0, 0.75, 1.5)
SLOW = 1
"""Recordings that pyctcdecode gets: minutes each where emissions are flat."""


@dataclass(frozen=True, slots=True)
class Job:
    """A decoder with its weights, and the recordings it gets."""

    decoder: str
    weight: float
    bonus: float
    recordings: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What came of a job: errors by recording, µs by frame (of those that do not stream: a mean by recording)."""

    errors: dict[str, CharacterErrors] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    @property
    def cer(self) -> float:
        """Over all recordings."""
        return sum(self.errors.values(), CharacterErrors()).cer


@dataclass(frozen=True, slots=True)
class Bench:
    """The recordings, and what decoders need."""

    recordings: dict[str, Emission]
    truth: dict[str, list[int]]
    tables: FlatTables
    facts: LanguageModelFacts
    lm: Path
    peers: Path

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """All jobs, ours here and the others' in their environment."""
        outcomes = [Outcome() for _ in jobs]
        others = [n for n, job in enumerate(jobs) if job.decoder not in (OURS, LIVE)]
        for n in track([n for n in range(len(jobs)) if n not in others], "ours", transient=True):
            self._ours(jobs[n], outcomes[n])
        self._theirs([jobs[n] for n in others], [outcomes[n] for n in others])
        return outcomes

    def _ours(self, job: Job, outcome: Outcome) -> None:
        scorer = FlatScorer(self.tables, replace(self.facts, weight=job.weight, bonus=job.bonus))
        for name in job.recordings:
            beam, heard = PrefixBeam(BeamSettings(), scorer), self.recordings[name]
            final: list[Key] = []
            if job.decoder == OURS:
                beam.push(heard)
            else:
                for frame in range(len(heard.times)):
                    piece = Emission(heard.log_probs[frame : frame + 1], heard.times[frame : frame + 1])
                    start = time.perf_counter_ns()
                    final += beam.commit(piece, LAG, PATIENCE)
                    beam.keys()
                    outcome.took.append((time.perf_counter_ns() - start) / 1000)
            beam.finish()
            labels = [key.label for key in (*final, *beam.keys())]
            outcome.errors[name] = CharacterErrors.between(labels, self.truth[name])

    def _theirs(self, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
        # No two labels may share a word there: of those that share a token, the small letter has it.
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
            arrays = {name: heard.log_probs for name, heard in self.recordings.items()}
            np.savez(file, settings=json.dumps(settings), **arrays)  # type: ignore[arg-type]  # its names are free
            done = subprocess.Popen(
                [self.peers, SCRIPT, file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert done.stdout is not None
            total = sum(len(job.recordings) for job in jobs)
            for line in track(done.stdout, "the others", total=total, transient=True):
                result = json.loads(line)
                if "missing" in result:
                    continue
                outcome, name = outcomes[result["job"]], result["recording"]
                outcome.errors[name] = CharacterErrors.between(result["labels"], self.truth[name])
                outcome.took += result["took"]
        if done.wait():
            raise SystemExit(f"{SCRIPT.name} ended with {done.returncode}: run it by itself to see why")


def minutes_of(keys: Keys) -> Iterable[Keys]:
    """Recordings of a minute, each from 1 s on."""
    recordings: dict[int, Keys] = {}
    for label, at in keys:
        recordings.setdefault(int(at // 60), []).append((label, 1 + at % 60))
    return recordings.values()


def tuned(bench: Bench, names: tuple[str, ...]) -> dict[str, Job]:
    """Each decoder with the weights that did best."""
    grid = [*product((OURS, CTC), WEIGHTS, BONUSES), *product((FLASHLIGHT,), (*WEIGHTS, 1.5), (0.0,))]
    jobs = [Job(decoder, weight, bonus, names) for decoder, weight, bonus in grid]
    best: dict[str, tuple[float, Job]] = {}
    for job, outcome in zip(jobs, bench.run(jobs), strict=True):
        if outcome.errors and (job.decoder not in best or outcome.cer < best[job.decoder][0]):
            best[job.decoder] = (outcome.cer, job)
    chosen = {decoder: job for decoder, (_, job) in best.items()}
    return {**chosen, LIVE: replace(chosen[OURS], decoder=LIVE), PYCTC: replace(chosen[CTC], decoder=PYCTC)}


def table_of(title: str, jobs: dict[str, Job], outcomes: dict[str, Outcome]) -> Table:
    """A row per decoder."""
    columns = ("decoder", "LM weight, bonus", "p50", "p99", "mean, µs a frame", "CER %", "ours − this, points (95 %)")
    table = Table(*columns, title=title)
    for name, outcome in outcomes.items():
        if not outcome.errors:
            table.add_row(name, "not installed")
            continue
        took, streams = outcome.took, len(outcome.took) > len(outcome.errors)
        figures = [f"{np.percentile(took, q):.1f}" if streams else "" for q in (50, 99)]
        mean = f"{np.mean(took):.1f}" if took else ""
        gain = cer_difference([outcomes[OURS].errors[n] for n in outcome.errors], list(outcome.errors.values()))
        against = "" if name == OURS else f"{gain.difference:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
        table.add_row(
            name, f"{jobs[name].weight:g}, {jobs[name].bonus:g}", *figures, mean, f"{outcome.cer:.2f}", against
        )
    return table


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".peers/bin/python"), help="their environment's Python")
    parser.add_argument("--lm", type=Path, default=Path("exported/demo"), help="folder of a language model")
    parser.add_argument("--keys", type=Path, help="key sequence (npz) instead of the repository's text")
    parser.add_argument("--minutes", type=float, default=10.0, help="tested on, after those for the weights")
    parser.add_argument("--tune", type=int, default=3, help="minutes that choose the weights")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    facts = LanguageModelFacts.from_json((options.lm / LM_FACTS).read_text(encoding="utf-8"))
    tables = FlatTables.load(str(options.lm / LM_TABLES))
    rng = np.random.default_rng(options.seed)
    keys = {str(n): k for n, k in enumerate(minutes_of(load_keys(options.keys, options.minutes + options.tune, rng)))}
    truth = {name: [label for label, _ in recording] for name, recording in keys.items()}
    names = tuple(keys)
    console = Console(highlight=False)
    console.print(
        f"{sum(map(len, truth.values()))} keys in {len(keys)} minutes, {options.tune} of them for the weights"
    )
    for title, flat in (("peaky", False), ("flat", True)):
        heard = {name: emissions(recording, flat, rng) for name, recording in keys.items()}
        bench = Bench(heard, truth, tables, facts, options.lm / LM_BINARY, options.peers)
        chosen = tuned(bench, names[: options.tune])
        jobs = {
            name: replace(chosen[name], recordings=names[options.tune :][: SLOW if name == PYCTC else None])
            for name in (OURS, LIVE, FLASHLIGHT, CTC, PYCTC)
            if name in chosen
        }
        console.print(table_of(title, jobs, dict(zip(jobs, bench.run(list(jobs.values())), strict=True))))


if __name__ == "__main__":
    main()
