"""`emgtype decode`: emissions from any encoder to text."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from emgtype.commands._options import PATH, config_options, json_option, print_json
from emgtype.config import Config, load_config
from emgtype.datasets.emission_file import read_emissions
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.text import render


@click.command(epilog="Example: emgtype decode emissions.npz --nbest 3")
@click.argument("emissions", type=PATH)
@config_options
@click.option("--greedy", is_flag=True, help="Best path instead of the beam; needs no language model.")
@click.option("--nbest", type=click.IntRange(1), default=1, show_default=True, help="Hypotheses to print.")
@click.option("--beam", type=int, help="Prefixes kept.")
@click.option("--lm-weight", type=float, help="Language model weight on natural-log scores (0: none).")
@click.option("--lm-bonus", type=float, help="Nats per scored key.")
@click.option("--raw", is_flag=True, help="Print every key instead of the text they make.")
@json_option
def command(
    emissions: Path,
    config_path: Path | None,
    bundle: str | None,
    greedy: bool,
    nbest: int,
    beam: int | None,
    lm_weight: float | None,
    lm_bonus: float | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Decode emissions over the 98 keys and the blank; with `labels` in the file, also print the CER."""
    file = read_emissions(emissions)
    if greedy:
        results: list[dict[str, Any]] = [{"labels": [key.label for key in GreedyDecoder().push(file.emission)]}]
    else:
        flags = {
            "bundle": bundle,
            "decoder.beam.width": beam,
            "decoder.language_model.weight": lm_weight,
            "decoder.language_model.bonus_nats": lm_bonus,
        }
        results = _nbest(file.emission, load_config(config_path, flags), nbest)
    for result in results:
        keys = result.pop("labels")
        result["keys"] = labels_to_text(keys)
        result["text"] = render(keys)
        if file.labels is not None:
            result["cer"] = round(CharacterErrors.between(keys, file.labels).cer, 3)
    if as_json:
        print_json(results)
        return
    for result in results:
        click.echo(result["keys" if raw else "text"].rstrip("\n"))
        scores = [f"{name} {result[name]}" for name in ("total", "acoustic", "lm", "cer") if name in result]
        if scores:
            Console(stderr=True, highlight=False).print(
                ", ".join(scores) + (" %" if "cer" in result else ""), style="dim"
            )


def _nbest(emission: Emission, config: Config, count: int) -> list[dict[str, Any]]:
    """Decode with the beam; return the labels and scores of its best hypotheses."""
    bundle = open_bundle(config.bundle)
    decoder = beam_for(scorer_for(bundle, config.decoder.language_model), config.decoder)
    decoder.push(emission)
    decoder.finish()
    return [
        {
            "labels": list(hypothesis.labels),
            "total": round(hypothesis.total, 3),
            "acoustic": round(hypothesis.acoustic, 3),
            "lm": round(hypothesis.lm, 3),
        }
        for hypothesis in decoder.nbest(count)
    ]
