"""`emgtype train`."""

from pathlib import Path

import click

from decoder.errors import InputError
from emgtype.commands.options import PATH


@click.command(
    epilog="Example: emgtype train --sessions data/train --validation data/val --preset compact --out runs/me"
)
@click.option("--sessions", type=PATH, multiple=True, required=True, help="Session files, or folders of them.")
@click.option("--validation", type=PATH, multiple=True, required=True, help="Sessions that choose the best epoch.")
@click.option("--preset", default="compact", show_default=True, help="Preset (compact, reference) or a TOML file.")
@click.option("--out", type=PATH, required=True, help="Folder of the run: checkpoints, logs.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
def command(sessions: tuple[Path, ...], validation: tuple[Path, ...], preset: str, out: Path, resume: bool) -> None:
    """Train an encoder on sessions with key presses."""
    from training.settings import load_settings
    from training.train import train

    train(session_files(sessions), session_files(validation), load_settings(preset), out, resume=resume)
    click.echo(f"best checkpoint: {out / 'checkpoints' / 'best.ckpt'}")


def session_files(paths: tuple[Path, ...]) -> list[Path]:
    """Files as named, and all .hdf5 files of folders, in name order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.hdf5"))
            if not inside:
                raise InputError(f"{path} holds no .hdf5 session: name session files or a folder of them")
            found += inside
        else:
            found.append(path)
    return found
