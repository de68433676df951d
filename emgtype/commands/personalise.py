"""`emgtype personalise`: a bundle fitted to one person."""

import logging
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import Progress

from emgtype.commands._options import PATH, json_option, print_json
from emgtype.places import find_bundle
from emgtype.session_files import session_files


@click.command(epilog="Example: emgtype personalise --base generic --session me-1.hdf5 --session me-2.hdf5 --out me")
@click.option("--base", required=True, metavar="NAME|FOLDER", help="Bundle to start from; it must hold weights.ckpt.")
@click.option(
    "--session",
    "sessions",
    type=PATH,
    multiple=True,
    required=True,
    help="Recordings of the person, or folders of them.",
)
@click.option("--out", type=PATH, required=True, help="Folder of the new bundle.")
@click.option(
    "--method",
    type=click.Choice(["full", "layer", "head"]),
    default="full",
    show_default=True,
    help="Change all weights; add a layer for --person and leave the base as it is; or change norms and head only.",
)
@click.option("--person", default="me", show_default=True, help="Names the layer: `emgtype serve --person NAME`.")
@click.option("--minutes-of-data", "minutes", type=click.FloatRange(0.5), help="Use the first so many minutes only.")
@click.option("--steps", type=click.IntRange(1), help="Most steps of training; it ends earlier when nothing improves.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Highest learning rate (default: the method's).")
@click.option("--force", is_flag=True, help="Write the bundle even where the base or an older one is better.")
@json_option
def command(
    base: str,
    sessions: tuple[Path, ...],
    out: Path,
    method: Literal["full", "layer", "head"],
    person: str,
    minutes: float | None,
    steps: int | None,
    rate: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Fit a model to one person in minutes; Ctrl-C ends the training and keeps the best so far."""
    from training.personal.bundle import write_bundle
    from training.personal.data import split_sessions
    from training.personal.fit import PersonaliseSettings, personalise
    from training.personal.target import Target, refuse_worse

    # Lightning's hints are for authors of training code.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    target = Target(find_bundle(base), out, method, person)
    trained, facts = target.open_base()
    context = trained.stft.samples(trained.encoder.context + 1)
    parts = split_sessions(session_files(sessions), trained.layout, context, minutes)
    training, held_out = (sum(part.minutes for part in group) for group in (parts.training, parts.held_out))
    console.print(f"{facts.name}: learning from {training:.1f} minutes, {held_out:.1f} held out", style="dim")
    values: dict[str, Any] = {"steps": steps, "rate": rate}
    settings = PersonaliseSettings(
        method=method, **{name: value for name, value in values.items() if value is not None}
    )
    with Progress(transient=True, console=console, disable=as_json) as progress:
        task = progress.add_task("personalising", total=settings.steps)

        def show_step(step: int, cer: float) -> None:
            progress.update(task, completed=step, description=f"CER {cer:.1f} %")

        result = personalise(trained, parts, settings, show_step)
    if result.interrupted:
        console.print("stopped: going on with the best so far", style="yellow")
    if not force:
        refuse_worse(target, parts, result)
    write_bundle(target, facts, parts, result)
    if as_json:
        names = ("before", "after", "steps", "seconds", "interrupted")
        print_json({"out": str(out), **{name: getattr(result, name) for name in names}})
        return
    use = f"--bundle {out}" + (f" --person {person}" if method == "layer" else "")
    click.echo(
        f"{out}: greedy CER on the held-out part {result.before:.1f} % → {result.after:.1f} % in "
        f"{result.seconds:.0f} s; use it with {use}"
    )
