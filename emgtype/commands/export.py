"""`emgtype export`: a checkpoint to a model bundle."""

import shutil
from pathlib import Path

import click

from adapters.bundles.checksums import CHECKSUMS, write_checksums
from emgtype.commands._options import PATH
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from emgtype.session_files import session_files
from messages.errors import InputError


@click.command(epilog="Example: emgtype export runs/me/checkpoints/best.ckpt --out exported/me --measure data/val")
@click.argument("checkpoint", type=PATH, required=False)
@click.option("--out", type=PATH, required=True, help="The bundle's folder; its name is the bundle's.")
@click.option("--upgrade", metavar="BUNDLE", help="Bring a bundle of an older emgtype up to date instead.")
@click.option("--measure", type=PATH, multiple=True, help="Held-out sessions that measure the emission delay.")
@click.option("--lm", type=PATH, help="Folder of a language model to put into the bundle.")
@click.option("--card", type=PATH, help="Text of the model card (Markdown).")
@click.option("--trained-on", default="not stated", help="Provenance: the data and the command.")
@click.option("--hop", default=4, show_default=True, help="Frames per call that the bundle prefers.")
def command(
    checkpoint: Path | None,
    out: Path,
    upgrade: str | None,
    measure: tuple[Path, ...],
    lm: Path | None,
    card: Path | None,
    trained_on: str,
    hop: int,
) -> None:
    """Make a model bundle from a checkpoint; refuse a model that streams otherwise than it computes offline.

    With --upgrade, write a bundle of an older emgtype in the form that this one reads: the facts of its ONNX files
    change their form, weights, layers and language model stay bit for bit.
    """
    if upgrade is not None:
        if checkpoint is not None or measure:
            raise InputError("--upgrade takes a bundle, no checkpoint and no --measure: leave them out")
        from emgtype.models.upgrade import upgrade_bundle

        changed = upgrade_bundle(upgrade, out)
        click.echo(f"{out}: {', '.join(changed)} and {CHECKSUMS} written anew, all other files copied")
        return
    if checkpoint is None or not measure:
        raise InputError("a checkpoint and --measure SESSION are needed: name them, or a bundle with --upgrade")
    from training.export.bundle import export_bundle, facts_of
    from training.export.checkpoint import WEIGHTS, load_encoder, write_weights
    from training.run.delay import emission_delay_ms

    trained, files = load_encoder(checkpoint), language_model_files(lm)
    sessions = session_files(measure)
    delay = emission_delay_ms(trained, sessions)
    facts = facts_of(
        trained,
        name=out.name,
        hop=hop,
        provenance={
            "trained_on": trained_on,
            "sessions": list(trained.sessions),
            "epoch": trained.epoch,
            "settings": trained.settings,
        },
        emission_delay_ms=delay,
    )
    if card is not None and not card.is_file():
        raise InputError(f"no model card {card}: name a Markdown file or leave --card out")
    text = card.read_text(encoding="utf-8") if card else f"# {out.name}\n\nTrained on: {trained_on}\n"
    difference = export_bundle(trained.encoder, out, facts, text)
    write_weights(trained, out / WEIGHTS)
    copy_into(out, files)
    write_checksums(out)
    click.echo(f"{out}: streaming = offline to {difference:.1e} nats, emission delay {delay:.0f} ms (median)")


def language_model_files(folder: Path | None) -> list[Path]:
    """Return the files of the language model in a folder; none for None.

    Raises:
        InputError: The folder holds no whole language model.
    """
    if folder is None:
        return []
    files = [folder / name for name in (LM_BINARY, LM_FACTS)]
    for file in files:
        if not file.is_file():
            raise InputError(f"{folder} holds no {file.name}: name a folder made by `emgtype lm build`")
    return [*files, *folder.glob(LM_TABLES)]


def copy_into(bundle: Path, files: list[Path]) -> None:
    """Copy files into a bundle; a file that lies there already stays."""
    for file in files:
        if file.resolve() != (bundle / file.name).resolve():
            shutil.copyfile(file, bundle / file.name)
