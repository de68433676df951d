"""Does the beam's pruning change what is read? Text with the default floor, labels and threshold, and with less of it.

The width stays. A key counts as changed where the fewest edits from one text to the other touch it. Where emissions
are flat, many faint keys lie about the floor: what that costs or gains is told as CER.

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
OFF = {"floor_nats": -30.0, "labels": 99, "threshold_nats": 1000.0}
TRIED = {
    "as by default": DEFAULT,
    **{f"{name} {value:g}": replace(DEFAULT, **{name: value}) for name, value in OFF.items()},  # type: ignore[arg-type]
    "all three off": BeamSettings(**OFF),  # type: ignore[arg-type]  # labels is an int
}


def texts(settings: BeamSettings, scorer: FlatScorer, minutes: list[Keys], flat: bool, seed: int) -> list[list[int]]:
    """Final labels of each recording, live; the same seed gives the same emissions, never all of them in memory."""
    found = []
    for number, keys in enumerate(minutes):
        beam = PrefixBeam(settings, scorer)
        final = beam.commit(emissions(keys, flat, np.random.default_rng([seed, number])), LAG, PATIENCE)
        beam.finish()
        found.append([*(key.label for key in final), *beam.labels()])
    return found


def main() -> None:
    """Command line."""
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
        for name, settings in TRIED.items():
            found = texts(settings, scorer, minutes, flat, options.seed)
            usual = usual or found
            changed = sum(Levenshtein.distance(one, other) for one, other in zip(usual, found, strict=True))
            errors = map(CharacterErrors.between, found, truth)
            cer, read = sum(errors, CharacterErrors()).cer, sum(map(len, found))
            table.add_row(kind, name, str(read), str(changed), f"{cer:.2f}")
            figures[kind][name] = {"keys": read, "changed": changed, "cer": cer}
    told = f"{sum(map(len, truth))} keys in {options.minutes:g} minutes, weight {facts.weight:g}, bonus {facts.bonus:g}"
    publish(options, [told, table], figures)


if __name__ == "__main__":
    main()
