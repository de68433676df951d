"""`emgtype lm`: KenLM models over keys and over words, made from text."""

from pathlib import Path

import click
from rich.progress import Progress

from decoder.language.model import KINDS
from emgtype.commands._options import PATH
from emgtype.models.language import BACKSPACE_PRIOR, Origin, build_language_model
from emgtype.places import LM_BINARY, WORD_MODEL
from emgtype.texts import load_text
from emgtype.words.word_model import build_word_model
from simulator.text import prompts


@click.group(no_args_is_help=True, epilog="Example: emgtype lm build lm --units text --out exported/mine")
def command() -> None:
    """Build language models."""


@command.command(epilog="Example: emgtype lm build lm --units text --out exported/mine")
@click.argument("texts", nargs=-1, required=True)
@click.option(
    "--units", type=click.Choice(KINDS), default="text", show_default=True, help="Single words, or running text."
)
@click.option("--as-typed", is_flag=True, help="Every line is typed between two enters: do not cut prompts from it.")
@click.option("--order", default=6, show_default=True, help="Longest n-gram, in keys.")
@click.option("--out", type=PATH, required=True, help="Folder for the model's files: a bundle's, for instance.")
@click.option("--weight", default=0.65, show_default=True, help="Of the model's natural-log scores in decoding.")
@click.option("--bonus", default=2.0, show_default=True, help="Nats per key that the model scores.")
@click.option(
    "--backspace",
    default=round(BACKSPACE_PRIOR, 2),
    show_default=True,
    help="ln of how rare a ⌫ is, over what it takes back.",
)
@click.option("--source", help="Where the text comes from (default: its name).")
@click.option("--licence", default="unknown", show_default=True, help="Of the text, and so of the model.")
@click.option("--lmplz", type=PATH, help="KenLM's program (default: ./.lmplz/bin/lmplz, or on the PATH).")
def build(
    texts: tuple[str, ...],
    units: str,
    as_typed: bool,
    order: int,
    out: Path,
    weight: float,
    bonus: float,
    backspace: float,
    source: str | None,
    licence: str,
    lmplz: Path | None,
) -> None:
    """Build a character language model from TEXTS: files with one paragraph a line, or lm, train, test."""
    paragraphs = [paragraph for name in texts for paragraph in load_text(name)]
    # Prompts are texts that people are asked to type: running words with little punctuation.
    lines = iter(paragraphs) if as_typed or units == "words" else prompts(paragraphs, seed=0)
    origin = Origin(source or ", ".join(texts), licence, weight, bonus, backspace)
    with Progress(transient=True) as progress:
        progress.add_task("building", total=None)
        build_language_model(lines, units, out, origin, order=order, lmplz=lmplz)
    size = (out / LM_BINARY).stat().st_size / 1e6
    click.echo(f"{out / LM_BINARY}: {units}, order {order}, {size:.1f} MB")


@command.command(epilog="Example: emgtype lm words lm --out exported/mine")
@click.argument("texts", nargs=-1, required=True)
@click.option("--order", default=3, show_default=True, help="Longest n-gram, in words.")
@click.option("--rarest", default=2, show_default=True, help="Leave out n-grams that occur less often, words never.")
@click.option("--out", type=PATH, required=True, help="Folder for the model's files: a bundle's, for instance.")
@click.option("--lmplz", type=PATH, help="KenLM's program (default: ./.lmplz/bin/lmplz, or on the PATH).")
def words(texts: tuple[str, ...], order: int, rarest: int, out: Path, lmplz: Path | None) -> None:
    """Build a word model for emgtype[words] from TEXTS: files with one paragraph a line, or lm, train, test."""
    paragraphs = [paragraph for name in texts for paragraph in load_text(name)]
    with Progress(transient=True) as progress:
        progress.add_task("building", total=None)
        count, size = build_word_model(paragraphs, out, order=order, rarest=rarest, lmplz=lmplz)
    click.echo(f"{out / WORD_MODEL}: {count} words, order {order}, {size / 1e6:.1f} MB")
