"""`emgtype import`: weights trained elsewhere to a model bundle."""

from pathlib import Path

import click

from adapters.bundles.checksums import sha256, write_checksums
from emgtype.commands._options import PATH
from emgtype.commands.export import copy_into, language_model_files
from emgtype.session_files import session_files
from messages.errors import InputError

FOREIGN_LICENCE = "CC-BY-NC-SA-4.0"
"""Licence of the weights of emg2qwerty and braindecode, and of weights trained from them."""


@click.command(epilog="Example: emgtype import last.ckpt --out exported/theirs --lm exported/demo")
@click.argument("checkpoint", type=PATH)
@click.option("--out", type=PATH, required=True, help="The bundle's folder.")
@click.option("--name", help="The bundle's name.  [default: its folder's]")
@click.option("--lm", type=PATH, help="Folder of a language model to put into the bundle.")
@click.option("--measure", type=PATH, multiple=True, help="Held-out sessions that measure the emission delay.")
@click.option("--licence", default=FOREIGN_LICENCE, show_default=True, help="SPDX expression of the weights' licence.")
@click.option("--hop", default=4, show_default=True, help="Frames per call that the bundle prefers.")
def command(
    checkpoint: Path, out: Path, name: str | None, lm: Path | None, measure: tuple[Path, ...], licence: str, hop: int
) -> None:
    """Make a model bundle from a checkpoint of emg2qwerty, of its fork, or of braindecode.

    CHECKPOINT is a Lightning .ckpt, a state dict, a .safetensors file, or a folder of save_pretrained. Nothing in it is
    executed; a file that would run code is refused.
    """
    from adapters.sessions.format import LAYOUT
    from messages.signal import Layout
    from training.export.bundle import export_bundle, facts_of
    from training.export.checkpoint import WEIGHTS, TrainedEncoder, write_weights
    from training.foreign.weight_files import read_foreign
    from training.run.delay import emission_delay_ms

    name = name or out.name
    source, files = read_foreign(checkpoint), language_model_files(lm)
    foreign, config = source.foreign, source.foreign.encoder.config
    if config.bands > len(LAYOUT.sides):
        raise InputError(f"{checkpoint} is a model of {config.bands} bands: expected {' and '.join(LAYOUT.sides)}")
    layout = Layout(source.rate, LAYOUT.unit, LAYOUT.sides[: config.bands], config.electrodes)
    trained = TrainedEncoder(foreign.encoder, layout, source.stft, {}, 0, licence)
    digest = sha256(source.weights)
    facts = facts_of(
        trained,
        name=name,
        hop=hop,
        provenance={"imported_from": source.weights.name, "sha256": digest, "names_of": foreign.program},
        emission_delay_ms=emission_delay_ms(trained, session_files(measure)) if measure else None,
    )
    card = (
        f"# {name}\n\nImported from `{source.weights.name}` (SHA-256 {digest}), a {config.family} with the names of "
        f"{foreign.program}.\n\nLicence of the weights: {licence}.\n"
    )
    difference = export_bundle(foreign.encoder, out, facts, card)
    write_weights(trained, out / WEIGHTS)
    copy_into(out, files)
    write_checksums(out)
    click.echo(
        f"{out}: {config.family} with the names of {foreign.program}, streaming = offline to {difference:.1e} nats; "
        f"licence {licence}"
    )
