"""Measure hot words: how many are read with and without the setting, the errors of other words, and the time per frame.

The demo's person types prompts of three common words and one that the language model has never seen (words and names of
the test text), on donnings that the model was not trained on; then prompts of common words alone, where every hot word
read is a false one.

    python -m benchmarks.hot_words                       # 100 hot words, 10 minutes of each text
    python -m benchmarks.hot_words --words 20 --minutes 60
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish, spread
from decoder.ctc.commit import Committer
from decoder.language.model import LanguageScorer
from decoder.metrics import CharacterErrors
from emgtype.config import DecoderConfig, load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.texts import load_text
from messages.emission import Emission
from messages.text import KeySequence, render
from simulator.person import make_person
from simulator.session import simulate
from simulator.text import word_prompts
from simulator.typist import type_prompts

FIRST = 7000
"""Donning of the first session."""
_SESSION = 300.0
"""Seconds per donning."""
_SHORTEST = 4
"""Letters of a hot word at least."""

Session = tuple[list[Emission], list[int]]
"""Emissions, a hop each, and the labels typed."""


def unseen_words(count: int, rng: np.random.Generator) -> list[str]:
    """Return the words of the test text that no other split holds, in random order."""
    other_words = set(_words(" ".join([*load_text("lm"), *load_text("train")]).lower()))
    unseen = {word for word in _words(" ".join(load_text("test")).lower()) if len(word) >= _SHORTEST} - other_words
    return [str(word) for word in rng.permutation(sorted(unseen))[:count]]


def texts(hot: Sequence[str], rng: np.random.Generator, *, with_hot_word: bool) -> Iterator[str]:
    """Yield prompts without end, with a hot word in each if `with_hot_word`, else with none."""
    banned = set(hot)
    for prompt in word_prompts(load_text("test"), int(rng.integers(2**31))):
        words = prompt.split()
        if banned.isdisjoint(_words(prompt)):
            if with_hot_word:
                words[int(rng.integers(len(words)))] = str(rng.choice(hot))
            yield " ".join(words)


def record(bundle: str, person: int, donning: int, prompts: Iterator[str]) -> Session:
    """Encode a simulated session."""
    wearer, config, emissions = make_person(person), load_config(None, {"bundle": bundle}), list[Emission]()
    keys, _ = type_prompts(prompts, wearer.typist, np.random.default_rng([person, donning]), 2.0, _SESSION - 2)
    pipeline = assemble(open_bundle(bundle), config, tap=emissions.append, block=OFFLINE)
    for chunk in simulate(wearer, keys, donning, 0.0, _SESSION):
        pipeline.push(chunk)
    pipeline.finish()
    return emissions, [key.label for key in keys if key.label is not None]


def decode(session: Session, scorer: LanguageScorer, config: DecoderConfig) -> tuple[list[int], list[float]]:
    """Return the final labels, and µs per frame of each push."""
    committer, keys, took = Committer(beam_for(scorer, config), config.commit), KeySequence(), []
    for emission in session[0]:
        start = time.perf_counter_ns()
        events = committer.push(emission)
        took.append((time.perf_counter_ns() - start) / 1000 / len(emission.times))
        for event in events:
            keys.push(event)
    for event in committer.finish():
        keys.push(event)
    return [key.label for key in keys.final], took


def count_hot_words(hot: Sequence[str], decoded: Sequence[int], truth: Sequence[int]) -> tuple[int, int, int]:
    """Count the hot words typed, those of them that were read, and those read where they were not typed."""
    typed, read = (_words(render(labels)) for labels in (truth, decoded))
    blocks = Levenshtein.editops(typed, read).as_matching_blocks()
    right = sum(word in hot for block in blocks for word in typed[block.a : block.a + block.size])
    return sum(word in hot for word in typed), right, sum(word in hot for word in read) - right


def _words(text: str) -> list[str]:
    return re.findall("[A-Za-z0-9']+", text)


def lookup_speed(
    lengths: Sequence[int], session: Session, scorer: LanguageScorer, config: DecoderConfig, rng: np.random.Generator
) -> tuple[Table, list[dict[str, Any]]]:
    """Return a table and rows of µs per frame with hot words that nobody types, by length of the list."""
    speed = Table("hot words", "p50", "p95", "p99", "mean, µs per frame", "ms to build")
    others, times = unseen_words(10_000, rng) + list(set(_words(" ".join(load_text("lm")).lower()))), []
    for length in lengths:
        hot_words = tuple(sorted(set(others[:length])))
        chosen = replace(config, language_model=replace(config.language_model, hot_words=hot_words))
        start = time.perf_counter()
        beam_for(scorer, chosen)
        built = 1e3 * (time.perf_counter() - start)
        us = spread(decode(session, scorer, chosen)[1])
        speed.add_row(str(length), *(f"{us[name]:.1f}" for name in ("p50", "p95", "p99", "mean")), f"{built:.1f}")
        times.append({"hot_words": length, "us": us, "build_ms": built})
    return speed, times


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed of who wears the bands")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each text, in sessions of five")
    parser.add_argument("--words", type=int, default=100, help="hot words, of which those typed are some")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.25, 0.5, 1.0, 1.5, 2.0, 3.0])
    parser.add_argument(
        "--lists", type=int, nargs="+", default=[0, 1, 100, 1000], help="lengths for the time per frame"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    hot = unseen_words(options.words, rng)
    config = load_config(None, {"bundle": options.bundle}).decoder
    language = config.language_model
    scorer, count = scorer_for(open_bundle(options.bundle), language), max(1, round(60 * options.minutes / _SESSION))
    kinds = {"with hot words": True, "without": False}
    sessions = {
        kind: [
            record(
                options.bundle,
                options.person,
                FIRST + 2 * i + with_hot_word,
                texts(hot, rng, with_hot_word=with_hot_word),
            )
            for i in track(range(count), kind, transient=True)
        ]
        for kind, with_hot_word in kinds.items()
    }
    table = Table("text", "weight, nats per key", "hot words typed", "read", "recall %", "false", "CER %")
    rows = []
    for kind, recorded in sessions.items():
        for weight in [0.0, *options.weights]:
            chosen = replace(config, language_model=replace(language, hot_words=()))
            if weight:
                chosen = replace(config, language_model=replace(language, hot_words=tuple(hot), hot_weight_nats=weight))
            counts, errors = np.zeros(3, int), CharacterErrors()
            for session in recorded:
                decoded, _ = decode(session, scorer, chosen)
                counts += count_hot_words(hot, decoded, session[1])
                errors += CharacterErrors.between(decoded, session[1])
            typed, read, wrong = counts.tolist()
            recall = 100 * read / typed if typed else None
            shown = "–" if recall is None else f"{recall:.1f}"
            table.add_row(kind, f"{weight:g}", str(typed), str(read), shown, str(wrong), f"{errors.cer:.2f}")
            rows.append(
                {"text": kind, "weight": weight, "typed": typed, "read": read, "false": wrong, "cer": errors.cer}
            )
    speed, times = lookup_speed(options.lists, sessions["without"][0], scorer, config, rng)
    summary = f"{len(hot)} hot words, {count * _SESSION / 60:g} minutes of each text, person {options.person}"
    publish(options, [summary, table, speed], {"hot_words": hot, "rows": rows, "speed": times})


if __name__ == "__main__":
    main()
