"""`emgtype evaluate`: models tested on whole sessions."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from adapters.bundles.personal_layers import check_person_name
from emgtype.commands._options import PATH, config_options, json_option, precision_option, print_json
from emgtype.config import Config, load_config
from emgtype.evaluation.evaluate import Evaluation, Plan, evaluate
from emgtype.evaluation.output import RESULTS, report, write
from emgtype.evaluation.runner import Runner
from emgtype.evaluation.store import Store
from emgtype.evaluation.tables import show
from emgtype.evaluation.trials import EVERYBODY, Model, Row, SessionList, find_sessions, find_splits, listed, table_rows
from emgtype.evaluation.tuning import Grid
from emgtype.evaluation.workers import Backend, Cluster, Processes
from emgtype.models.bundle import open_bundle
from emgtype.places import USER_CACHE
from messages.errors import InputError


def _numbers(_ctx: click.Context, option: click.Parameter, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(
            f"--{option.name} is {text!r}: expected numbers with commas between, such as 0.2,0.4"
        ) from None


@click.command(epilog="Example: emgtype evaluate --data sessions/ --models models/ --out results/")
@click.argument("sessions", type=PATH, nargs=-1, metavar="[SESSION|FOLDER]...")
@config_options
@click.option("--person", metavar="NAME", help="Person whose layer of the bundle is applied.")
@precision_option
@click.option("--data", type=PATH, help="Data set to test on: the test sessions of its splits.yaml, without one all.")
@click.option(
    "--models", type=PATH, help="Folder of bundles: generic, scratch/USER, finetuned/USER; a row of each kind."
)
@click.option("--splits", type=PATH, help="Lists of sessions (YAML) instead of the data set's own.")
@click.option("--lm/--no-lm", default=True, show_default=True, help="Whether the beam has its language model.")
@click.option("--greedy", is_flag=True, help="Greedy decoding alone: no beam, no commit lags.")
@click.option(
    "--lags", default="0,0.2,0.4,1.6", show_default=True, callback=_numbers, help="Commit lags (s) to try too."
)
@click.option("--tune", is_flag=True, help="First choose LM weight and bonus on the validation sessions of the splits.")
@click.option(
    "--weights", default="0.2,0.4,0.65,0.9,1.2", show_default=True, callback=_numbers, help="LM weights to try, nats."
)
@click.option(
    "--bonuses", default="0,0.75,1.5,2.25,3", show_default=True, callback=_numbers, help="Bonuses to try, nats a key."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes (default: one per core).")
@click.option(
    "--cluster", metavar="ADDRESS", help="Decode on a Ray cluster (auto, local, host:port); same paths there."
)
@click.option("--out", type=PATH, help="Folder for all figures, pictures and decoded sessions.")
@json_option
def command(
    sessions: tuple[Path, ...],
    config_path: Path | None,
    bundle: str | None,
    person: str | None,
    precision: str | None,
    data: Path | None,
    models: Path | None,
    splits: Path | None,
    lm: bool,
    greedy: bool,
    lags: tuple[float, ...],
    tune: bool,
    weights: tuple[float, ...],
    bonuses: tuple[float, ...],
    jobs: int | None,
    cluster: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Test models on whole sessions, taken as contiguous: named ones, or the test sessions of a data set.

    Decoded sessions are kept, under --out or in your cache folder: the same command goes on where it was stopped.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    config = load_config(config_path, {"bundle": bundle, "pipeline.person": person, "pipeline.precision": precision})
    if models is not None and (bundle is not None or person is not None):
        raise InputError("--models names bundles already: leave --bundle and --person out")
    tests, validation = _sessions(sessions, data, splits, console)
    if tune and (greedy or not lm):
        raise InputError("--tune chooses a language model's weight, which --greedy and --no-lm leave out: drop one")
    if any(not 0 <= lag <= 60 for lag in lags):
        raise InputError(f"--lags are {', '.join(f'{lag:g}' for lag in lags)}: expected seconds from 0 to 60")
    plan = Plan(
        rows=_rows(models, config),
        tests=tests,
        decoder=config.decoder,
        beam=not greedy,
        language_model=lm,
        lags=lags,
        validation=validation,
        grid=Grid(weights, bonuses) if tune else None,
    )
    store = Store(out / "cache" if out else USER_CACHE / "evaluate")
    with _backend(cluster, jobs) as backend:
        evaluation = _evaluate(plan, store, backend, console, as_json)
    _report(evaluation, out, console, as_json=as_json, with_published=data is not None)
    if evaluation.failures:
        sys.exit(1)


def _evaluate(plan: Plan, store: Store, backend: Backend, console: Console, as_json: bool) -> Evaluation:
    """Decode and score behind a progress bar."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, transient=True, console=console, disable=as_json) as progress:
        task = progress.add_task("decoding", total=None)
        runner = Runner(store, backend, lambda done, total: progress.update(task, completed=done, total=total))
        return evaluate(plan, runner, lambda sentence: progress.update(task, description=sentence))


def _report(evaluation: Evaluation, out: Path | None, console: Console, *, as_json: bool, with_published: bool) -> None:
    """Write and print the figures, then the warnings and failures on standard error."""
    figures = report(evaluation, ["emgtype", *sys.argv[1:]])
    if out and not write(evaluation, out, figures):
        console.print("no pictures: matplotlib is not installed (pip install 'emgtype[plots]')", style="yellow")
    if as_json:
        print_json(figures)
    else:
        show(Console(highlight=False), evaluation, with_published=with_published)
    if out:
        console.print(f"all figures: {out / RESULTS}", style="dim")
    for warning in evaluation.warnings:
        console.print(f"emgtype: {warning}", style="yellow", markup=False)
    for path, sentence in evaluation.failures.items():
        console.print(f"emgtype: {path.stem} failed: {sentence}", style="red", markup=False)


def _sessions(
    sessions: tuple[Path, ...], data: Path | None, splits: Path | None, console: Console
) -> tuple[SessionList, tuple[Any, ...]]:
    """Return the sessions to test on, and those to validate on."""
    if bool(sessions) == (data is not None):
        raise InputError("nothing to test on, or two things: name either sessions, or a data set with --data")
    if data is None:
        if splits is not None:
            raise InputError("--splits goes with --data, not with sessions by name: name the data set's folder")
        return find_sessions(sessions), ()
    lists = find_splits(data, splits)
    if lists is None:
        console.print(f"{data} has no splits.yaml: testing on all of its sessions", style="yellow", markup=False)
        return find_sessions([data]), ()
    return SessionList(listed(data, lists.test)), listed(data, lists.val)


def _rows(models: Path | None, config: Config) -> tuple[Row, ...]:
    if models is not None:
        return table_rows(models, config.pipeline.precision)
    opened = open_bundle(config.bundle, config.pipeline.precision)
    name = config.pipeline.person
    model = Model(opened, check_person_name(name) if name else "")
    return (Row("model", f"{opened.folder.name}{f' for {name}' if name else ''}", {EVERYBODY: model}),)


@contextmanager
def _backend(cluster: str | None, jobs: int | None) -> Iterator[Backend]:
    if cluster is None:
        yield Processes(jobs)
        return
    ray = Cluster(cluster, jobs)
    try:
        yield ray
    finally:
        ray.close()
