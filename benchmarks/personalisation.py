"""Measure personalisation on simulated people unknown to the base: CER before and after, and the time it took.

Each person types for some minutes over two donnings of the bands; the personal model is tested on other donnings and
texts, greedily and live with the language model. The goal: from 10 minutes of typing, in under 5 minutes on two cores,
the CER at least halved.
"""

import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.progress import Progress
from rich.table import Table

from benchmarks.accuracy import TEST_DONNING, decode
from benchmarks.results import command_line, publish
from decoder.metrics import CharacterErrors
from emgtype.datasets.simulated import write_session
from emgtype.places import find_bundle
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.population import population_hash
from simulator.session import TypingSession, typing_session
from training.personal.bundle import write_bundle
from training.personal.data import split_sessions
from training.personal.fit import PersonaliseSettings, personalise
from training.personal.module import Method
from training.personal.target import Target

LEARNED_DONNING = 1
"""First of the donnings that are learned from."""
GOAL_RATIO, GOAL_SECONDS = 0.5, 300.0
PERSON = "me"


@dataclass(frozen=True, slots=True)
class Outcome:
    """CER in %, greedy and live with the language model, and the wall time from the command to the bundle."""

    greedy: float
    live: float
    seconds: float = 0.0


def test(bundle: Path, person: str, sessions: list[TypingSession]) -> tuple[float, float]:
    """Return the CER on new donnings, greedy and live."""
    greedy, live = CharacterErrors(), CharacterErrors()
    for session in sessions:
        truth = [k.label for k in session.keystrokes if k.label is not None]
        greedy_labels, live_labels = decode(session, str(bundle), person)
        greedy += CharacterErrors.between(greedy_labels, truth)
        live += CharacterErrors.between(live_labels, truth)
    return greedy.cer, live.cer


def fit(base: Path, out: Path, method: Method, paths: list[Path]) -> float:
    """Run the steps of `emgtype personalise --force`, and return the seconds."""
    began = time.monotonic()
    target = Target(base, out, method, PERSON)
    trained, facts = target.open_base()
    parts = split_sessions(paths, trained.layout, trained.stft.samples(trained.encoder.context + 1))
    write_bundle(target, facts, parts, personalise(trained, parts, PersonaliseSettings(method=method)))
    return time.monotonic() - began


def measure(base: Path, seed: int, minutes: float, methods: list[Method], tests: int) -> dict[str, Outcome]:
    """Return the outcomes of the base and of each method on one person."""
    person, learned, new = make_person(seed), load_text("train"), load_text("test")
    sessions = [typing_session(person, TEST_DONNING + number, new, 180.0) for number in range(tests)]
    outcomes = {"base": Outcome(*test(base, "", sessions))}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.hdf5") for number in range(2)]
        for number, path in enumerate(paths):
            write_session(path, typing_session(person, LEARNED_DONNING + number, learned, 60 * minutes / len(paths)))
        for method in methods:
            out = Path(folder, method)
            seconds = fit(base, out, method, paths)
            outcomes[method] = Outcome(*test(out, PERSON if method == "layer" else "", sessions), seconds)
    return outcomes


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--base", default="generic", help="bundle with weights.ckpt")
    parser.add_argument("--people", type=int, nargs="+", default=[301, 302, 303], help="seeds that the base never saw")
    parser.add_argument("--minutes", type=float, default=10.0, help="typed by each, over two donnings")
    parser.add_argument("--methods", nargs="+", choices=get_args(Method), default=list(get_args(Method)))
    parser.add_argument("--tests", type=int, default=2, help="new donnings of 3 minutes each to test on")
    arguments = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    base = find_bundle(arguments.base)
    table = Table("person", "model", title=f"{base.name}, {arguments.minutes:g} minutes of typing")
    for column in ("greedy CER %", "of the base's", "live with LM, CER %", "of the base's", "seconds"):
        table.add_column(column, justify="right")
    reached: dict[str, int] = dict.fromkeys(arguments.methods, 0)
    with Progress(transient=True) as progress:
        for seed in progress.track(arguments.people, description="people"):
            outcomes = measure(base, seed, arguments.minutes, arguments.methods, arguments.tests)
            before = outcomes["base"]
            for name, outcome in outcomes.items():
                ratios = (outcome.greedy / before.greedy, outcome.live / before.live)
                table.add_row(
                    str(seed),
                    name,
                    *(f"{outcome.greedy:.1f}", f"{ratios[0]:.2f}", f"{outcome.live:.1f}", f"{ratios[1]:.2f}"),
                    f"{outcome.seconds:.0f}" if outcome.seconds else "",
                )
                if name in reached:
                    reached[name] += ratios[0] <= GOAL_RATIO and outcome.seconds < GOAL_SECONDS
    people = len(arguments.people)
    halved = [
        f"{name}: greedy CER at least halved within {GOAL_SECONDS:.0f} s for {count} of {people} people"
        for name, count in reached.items()
    ]
    population = f"simulated population {population_hash()}; each tested on {arguments.tests} new donnings and new text"
    publish(arguments, [table, *halved, population])


if __name__ == "__main__":
    main()
