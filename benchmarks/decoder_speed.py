"""Measure the live decoder's time per frame (beam, language model, commit rule), with the error rates as a check.

Emissions are made from a key sequence, peaky as those of a well trained encoder or flat as those of a poor one. The
error rates show that the measured work is real decoding; they are no result about an encoder.

    python -m benchmarks.decoder_speed                   # simulated typists and the demo's language model
    python -m benchmarks.decoder_speed --keys FILE.npz   # real keys: onset, key, key_names, session
"""

import time
from pathlib import Path

import numpy as np
from rich.table import Table

from adapters.bundles.language_tables import read_tables
from benchmarks.results import command_line, publish, spread
from benchmarks.synthetic_emissions import KINDS, add_key_options, emissions, load_keys
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import Committer
from decoder.ctc.greedy import GreedyDecoder
from decoder.language.flat import FlatScorer
from decoder.language.kenlm_scorer import load_scorer
from decoder.language.model import LanguageModelFacts, LanguageScorer, NoLanguageModel
from decoder.metrics import CharacterErrors
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from messages.emission import Emission
from messages.text import KeySequence

BEAM = BeamSettings().width


def measure(scorer: LanguageScorer, width: int, emission: Emission, hop: int) -> tuple[list[float], list[int], int]:
    """Return µs per frame of each push, the final labels, and the most prefixes in memory."""
    beam = PrefixBeam(BeamSettings(width=width), scorer)
    committer, text = Committer(beam), KeySequence()
    durations, size = [], 0
    for first in range(0, len(emission.times), hop):
        part = slice(first, first + hop)
        piece = Emission(emission.log_probs[part], emission.times[part])
        start = time.perf_counter_ns()
        events = committer.push(piece)
        durations.append((time.perf_counter_ns() - start) / 1000 / len(piece.times))
        for event in events:
            text.push(event)
        size = max(size, beam.size)
    for last in committer.finish():
        text.push(last)
    return durations, [key.label for key in text.final], size


def scorers(folder: Path) -> dict[str, LanguageScorer]:
    """Return the scorers to compare: the flat tables, KenLM, and none."""
    facts = LanguageModelFacts.from_json((folder / LM_FACTS).read_text(encoding="utf-8"))
    return {
        "flat": FlatScorer(read_tables(folder / LM_TABLES), facts),
        "kenlm": load_scorer(str(folder / LM_BINARY), facts),
        "none": NoLanguageModel(),
    }


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    add_key_options(parser, minutes=5.0)
    parser.add_argument("--hop", type=int, default=1, help="frames per push")
    parser.add_argument("--beams", type=int, nargs="+", default=[10, 50, 100, 500])
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    keys = load_keys(options, options.minutes, rng)
    truth = [label for label, _ in keys]
    by_name = scorers(options.lm)
    tables, figures = list[Table | str](), []
    for name, flat in KINDS.items():
        emission = emissions(keys, flat, rng)
        greedy = CharacterErrors.between([key.label for key in GreedyDecoder().push(emission)], truth).cer
        table = Table("LM", "beam", "p50", "p95", "p99", "mean, µs", "nodes", "CER %")
        table.title = f"{name} emissions (greedy decoding: CER {greedy:.2f} %)"
        tables.append(table)
        for kind, width in [*(("flat", beam) for beam in options.beams), ("kenlm", BEAM), ("none", BEAM)]:
            durations, labels, size = measure(by_name[kind], width, emission, options.hop)
            us, cer = spread(durations), CharacterErrors.between(labels, truth).cer
            shown = [f"{us[column]:.1f}" for column in ("p50", "p95", "p99", "mean")]
            table.add_row(kind, str(width), *shown, str(size), f"{cer:.2f}")
            figures.append(
                {"emissions": name, "lm": kind, "beam": width, "us": us, "nodes": size, "cer": cer, "greedy": greedy}
            )
    summary = f"{len(truth)} keys in {options.minutes:g} minutes, LM {options.lm}, {options.hop} frames per push"
    publish(options, [summary, *tables], {"keys": len(truth), "rows": figures})


if __name__ == "__main__":
    main()
