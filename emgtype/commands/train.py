"""`emgtype train`: an encoder from sessions with key presses."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.datasets.dataset import open_dataset
from adapters.datasets.splits import Splits, read_splits, split_users
from emgtype.commands._options import PATH
from emgtype.session_files import session_files
from messages.errors import InputError

if TYPE_CHECKING:
    from training.recipe.settings import TrainSettings
    from training.run.train import Machine, SessionLists


@click.command(
    epilog="Example: emgtype train --sessions data/train --validation data/val --preset compact --out runs/me"
)
@click.option("--sessions", type=PATH, multiple=True, help="Session files, or folders of them.")
@click.option("--validation", type=PATH, multiple=True, help="Sessions that choose the best epoch.")
@click.option("--data", type=PATH, help="Data set to take the sessions of --splits from, instead.")
@click.option("--splits", type=PATH, help="YAML lists of train and val; with --data.")
@click.option("--each-user", is_flag=True, help="With --data: a model for each user of the splits, in --out/USER.")
@click.option("--preset", default="compact", show_default=True, help="Preset (training/recipe/presets) or a TOML file.")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change a setting, e.g. augmentation.roll=0."
)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the preset's.")
@click.option("--seed", type=click.IntRange(0), help="Instead of the preset's.")
@click.option("--delay-ms", type=float, help="Emission delay to train for: from press to emission.")
@click.option("--init", type=PATH, help="Checkpoint or bundle whose weights training starts from.")
@click.option("--teacher", type=PATH, help="Checkpoint or bundle that a smaller model imitates (distillation).")
@click.option(
    "--learning-curve", metavar="MINUTES,...", help="Train one run on each of so many minutes and plot the CER."
)
@click.option("--out", type=PATH, required=True, help="Folder of the run: checkpoints, metrics, plots.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
@click.option("--accelerator", default="auto", show_default=True, help="As Lightning names them: cpu, gpu, ...")
@click.option("--devices", default="auto", show_default=True, help="How many, on each node.")
@click.option("--nodes", default=1, show_default=True)
@click.option("--strategy", default="auto", show_default=True, help="As Lightning names them: ddp, ...")
@click.option("--precision", default="32-true", show_default=True, help="Also bf16-mixed, 16-mixed.")
@click.option("--workers", default=0, show_default=True, help="Processes that read windows.")
@click.option("--wandb", metavar="PROJECT", help="Report to Weights & Biases too.")
def command(
    sessions: tuple[Path, ...],
    validation: tuple[Path, ...],
    data: Path | None,
    splits: Path | None,
    each_user: bool,
    preset: str,
    changes: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    delay_ms: float | None,
    init: Path | None,
    teacher: Path | None,
    learning_curve: str | None,
    out: Path,
    resume: bool,
    **machine: Any,
) -> None:
    """Train an encoder on sessions with key presses."""
    from training.recipe.settings import load_settings, with_delay
    from training.run.train import Machine, SessionLists, Start

    settings = load_settings(preset, changes)
    settings = replace(settings, epochs=epochs or settings.epochs, seed=settings.seed if seed is None else seed)
    if delay_ms is not None:
        settings = with_delay(settings, delay_ms)
    where = Machine(**machine)
    if teacher is not None and (each_user or learning_curve):
        raise InputError("--teacher goes with a single run: leave --each-user and --learning-curve out")
    if each_user:
        _each_user(data, splits, settings, _Run(out, init, where))
        return
    lists = SessionLists(*_lists(sessions, validation, data, splits))
    if learning_curve:
        _learning_curve(lists, settings, _minutes(learning_curve), _Run(out, init, where))
    else:
        _train(lists, settings, out, start=Start(resume, init, teacher), machine=where)
        click.echo(f"best checkpoint: {out / 'checkpoints' / 'best.ckpt'}")


def _lists(
    sessions: tuple[Path, ...], validation: tuple[Path, ...], data: Path | None, splits: Path | None
) -> tuple[list[Path], list[Path]]:
    if data is None:
        if splits:
            raise InputError("--splits names sessions of a data set: name its folder with --data")
        return session_files(sessions), session_files(validation)
    if sessions or validation:
        raise InputError("both --data and --sessions or --validation were named: choose one way to name the sessions")
    from training.run.each_user import files

    dataset, lists = open_dataset(data), _splits(data, splits)
    return files(dataset, lists.train), files(dataset, lists.val)


def _splits(data: Path, splits: Path | None) -> Splits:
    return read_splits(splits or data / "splits.yaml")


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a run is written, where its weights start from, and what it computes on."""

    out: Path
    init: Path | None
    machine: "Machine"


def _each_user(data: Path | None, splits: Path | None, settings: "TrainSettings", run: _Run) -> None:
    from training.run.each_user import UserSplits, by_user, train_each

    if data is None:
        raise InputError("--each-user trains on the users of a data set: name its folder with --data")
    dataset = open_dataset(data)
    users = by_user(read_splits(splits)) if splits else split_users(dataset).personal
    if not users:
        raise InputError(f"no user of {splits or data} has sessions to train and to validate: make other splits")
    lists = UserSplits(dataset, users)
    failed = train_each(lists, settings, run.out, init=run.init, machine=run.machine, log=_notify)
    for user in sorted(set(users) - set(failed)):
        _plot(run.out / user)
    click.echo(f"{len(users) - len(failed)} of {len(users)} users trained: {run.out}/USER/checkpoints/best.ckpt")
    if failed:
        raise InputError(f"the runs of {', '.join(failed)} failed, see above; run the command again for those alone")


def _learning_curve(lists: "SessionLists", settings: "TrainSettings", minutes: list[float], run: _Run) -> None:
    from training.run.plots import best_cer, write_learning_curve
    from training.run.train import Start

    cer: dict[float, float] = {}
    for part in minutes:
        folder, shorter = run.out / f"minutes-{part:g}", replace(settings, minutes=part)
        _train(lists, shorter, folder, start=Start(resume=True, init=run.init), machine=run.machine)
        cer[part] = best_cer(folder / "metrics.jsonl")
        click.echo(f"{part:g} minutes: CER {cer[part]:.2f} %")
    write_learning_curve(cer, run.out)
    click.echo(f"{run.out / 'learning_curve.png'}")


def _train(*arguments: Any, **options: Any) -> None:
    from training.run.train import train

    try:
        train(*arguments, **options)
    except KeyboardInterrupt:
        _notify(f"interrupted: the same command with --resume goes on with the last whole epoch in {arguments[2]}")
        raise
    _plot(arguments[2])


def _plot(run: Path) -> None:
    from training.run.plots import plot_run

    plot_run(run / "metrics.jsonl", run / "curves.png")


def _minutes(text: str) -> list[float]:
    try:
        minutes = [float(part) for part in text.split(",")]
    except ValueError:
        minutes = []
    if not minutes or min(minutes) <= 0:
        raise InputError(f"--learning-curve is {text!r}: expected minutes with commas between them, such as 2,5,10")
    return minutes


def _notify(sentence: str) -> None:
    click.echo(sentence, err=True)
