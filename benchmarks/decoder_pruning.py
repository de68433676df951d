"""Measure whether the beam's pruning changes the text: with the default floor, labels and threshold, and with less.

The width stays. A key counts as changed where the fewest edits from one text to the other touch it. Where emissions
are flat, many faint keys lie about the floor: the effect on accuracy is given as CER.

    python -m benchmarks.decoder_pruning --keys FILE.npz --minutes 60
"""

from dataclasses import replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from rich.table import Table

from benchmarks.results import command_line, publish
from benchmarks.synthetic_emissions import (
    KINDS,
    Keys,
    add_key_options,
    emissions,
    load_keys,
    load_language_model,
    minutes_of,
)
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import LAG, PATIENCE
from decoder.language.flat import FlatScorer
from decoder.metrics import CharacterErrors

DEFAULT = BeamSettings()
OFF = {"floor": -30.0, "labels": 99, "threshold": 1000.0}
PRUNINGS = {
    "as by default": DEFAULT,
    **{f"{name} {value:g}": replace(DEFAULT, **{name: value}) for name, value in OFF.items()},  # type: ignore[arg-type]
    "all three off": BeamSettings(**OFF),  # type: ignore[arg-type]
}


def texts(settings: BeamSettings, scorer: FlatScorer, minutes: list[Keys], flat: bool, seed: int) -> list[list[int]]:
    """Return the final labels of each recording, decoded live.

    The same seed makes the same emissions again, so that they are never all in memory.
    """
    labels = []
    for number, keys in enumerate(minutes):
        beam = PrefixBeam(settings, scorer)
        final = beam.commit(emissions(keys, flat, np.random.default_rng([seed, number])), LAG, PATIENCE)
        beam.finish()
        labels.append([*(key.label for key in final), *beam.labels()])
    return labels


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    add_key_options(parser, minutes=60.0)
    parser.add_argument("--weight", type=float, help="of the language model, instead of lm.json's")
    parser.add_argument("--bonus", type=float, help="per key, instead of lm.json's")
    options = parser.parse_args()
    facts, tables = load_language_model(options.lm)
    weights = {"weight": options.weight, "bonus": options.bonus}
    facts = replace(facts, **{name: value for name, value in weights.items() if value is not None})
    scorer = FlatScorer(tables, facts)
    rng = np.random.default_rng(options.seed)
    minutes = list(minutes_of(load_keys(options, options.minutes, rng)))
    truth = [[label for label, _ in keys] for keys in minutes]
    table = Table("emissions", "pruning", "keys read", "changed", "CER %")
    figures: dict[str, Any] = {"weight": facts.weight, "bonus": facts.bonus}
    for kind, flat in KINDS.items():
        usual, figures[kind] = list[list[int]](), {}
        for name, settings in PRUNINGS.items():
            outputs = texts(settings, scorer, minutes, flat, options.seed)
            usual = usual or outputs
            changed = sum(Levenshtein.distance(one, other) for one, other in zip(usual, outputs, strict=True))
            errors = map(CharacterErrors.between, outputs, truth)
            cer, count = sum(errors, CharacterErrors()).cer, sum(map(len, outputs))
            table.add_row(kind, name, str(count), str(changed), f"{cer:.2f}")
            figures[kind][name] = {"keys": count, "changed": changed, "cer": cer}
    summary = (
        f"{sum(map(len, truth))} keys in {options.minutes:g} minutes, weight {facts.weight:g}, bonus {facts.bonus:g}"
    )
    publish(options, [summary, table], figures)


if __name__ == "__main__":
    main()
