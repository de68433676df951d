"""`emgtype data`: statistics, splits, checks and conversions of data sets."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.sessions.findings import Severity
from emgtype.commands._options import PATH, json_option, print_json
from messages.errors import InputError

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "note": "dim"}


@click.group(epilog="Example: emgtype data stats sessions/")
def command() -> None:
    """Statistics, splits, checks and BIDS of data sets: folders of session files, with or without metadata.csv."""


@command.command(epilog="Example: emgtype data stats sessions/")
@click.argument("folder", type=PATH)
@json_option
def stats(folder: Path, as_json: bool) -> None:
    """Show the users, hours, speed and keys of a data set."""
    from adapters.datasets.dataset import open_dataset
    from emgtype.datasets.stats import dataset_stats

    dataset = open_dataset(folder)
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("reading sessions", total=len(dataset.entries))
        report = dataset_stats(dataset, advance=lambda: progress.advance(task))
    if as_json:
        print_json(report)
    else:
        _show_stats(report)


@command.command(epilog="Example: emgtype data splits sessions/ --out splits/generic.yaml")
@click.argument("folder", type=PATH)
@click.option(
    "--out",
    type=PATH,
    help="File of the generic lists; user0.yaml ..., one per held-out user, go beside it.",
)
@click.option("--test-users", default=8, show_default=True, help="Users to hold out: those with the most sessions.")
@click.option("--min-train", default=2, show_default=True, help="Sessions that must be left to train on, each user.")
@click.option("--val", default=2, show_default=True, help="Sessions for validation, each user.")
@click.option("--test", default=2, show_default=True, help="Sessions for test, each held-out user.")
@click.option("--tagged", is_flag=True, help="Hold out users with quality tags too.")
@click.option("--seed", default=1501, show_default=True, help="Seed of the draws.")
@json_option
def splits(
    folder: Path,
    out: Path | None,
    test_users: int,
    min_train: int,
    val: int,
    test: int,
    tagged: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Split a data set by sessions, by the rule of emg2qwerty: a generic split, and one of each held-out user."""
    from adapters.datasets.dataset import open_dataset
    from adapters.datasets.splits import SplitRule, split_users, write_splits

    counts = {"test_users": test_users, "train": min_train, "val": val, "test": test, "seed": seed}
    split = split_users(open_dataset(folder), SplitRule(**counts, tagged=tagged))
    names = {"generic": split.generic, **{f"user{i}": own for i, own in enumerate(split.personal.values())}}
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        for name, lists in names.items():
            write_splits(out if name == "generic" else out.with_name(f"{name}.yaml"), lists)
    rows = {
        name: {"users": len(lists.users), "train": len(lists.train), "val": len(lists.val), "test": len(lists.test)}
        for name, lists in names.items()
    }
    users = dict(zip((f"user{i}" for i in range(len(split.personal))), split.personal, strict=True))
    if as_json:
        print_json({"sessions": rows, "held out": users, **counts, "tagged": tagged})
        return
    table = Table("split", "held-out user", title="sessions")
    for column in ("users", "train", "val", "test"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, users.get(name, ""), *map(str, row.values()))
    Console(highlight=False).print(table)


@command.command(epilog="Example: emgtype data check sessions/ other/session.hdf5")
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="FILE|FOLDER...")
@json_option
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """List every irregularity of session files; the exit code is 1 where one is an error."""
    from emgtype.datasets.check import Located, check_files, check_table, files_of

    files = files_of(paths)
    findings: list[Located] = []
    console = Console(soft_wrap=True, highlight=False)
    with Progress(transient=True, console=Console(stderr=True) if as_json else console) as progress:
        task = progress.add_task("checking", total=len(files))

        def record(located: Located) -> None:
            findings.append(located)
            path, finding = located
            if not as_json:
                line = f"{finding.severity:7} {path}: {finding.message} ({finding.check})"
                console.print(line, style=_COLOURS[finding.severity], markup=False)

        for path in files:
            for located in check_files([path]):
                record(located)
            progress.advance(task)
        for folder in [path for path in paths if path.is_dir()]:
            for located in check_table(folder):
                record(located)
    counts = Counter(finding.severity for _, finding in findings)
    if as_json:
        rows = [
            {"path": str(path), "severity": finding.severity, "check": finding.check, "message": finding.message}
            for path, finding in findings
        ]
        print_json({"files": len(files), "findings": rows})
    else:
        summary = ", ".join(f"{counts[severity]} {severity}s" for severity in _COLOURS)
        console.print(f"{len(files)} files: {summary}")
    if counts["error"]:
        sys.exit(1)


@command.command(epilog="Example: emgtype data bids sessions/ --out bids/")
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, required=True, help="New folder.")
def bids(folder: Path, out: Path) -> None:
    """Write a data set as BIDS: BDF, channels, events with every key (needs emgtype[bids])."""
    from adapters.datasets.dataset import open_dataset
    from emgtype.datasets.bids import write_bids

    dataset = open_dataset(folder)
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("writing BIDS", total=sum(entry.duration_mins for entry in dataset.entries) * 120_000)
        written = write_bids(dataset, out, advance=lambda rows: progress.advance(task, rows))
    click.echo(f"{out}: {len(written)} recordings of {len(dataset.users)} users")


@command.command(epilog="Example: emgtype data from-bids bids/ --out sessions/")
@click.argument("root", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder for the session files and metadata.csv.")
def from_bids(root: Path, out: Path) -> None:
    """Write the session files of a BIDS folder that `data bids` made (needs emgtype[bids])."""
    from emgtype.datasets.bids import read_bids

    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("reading BIDS", total=None)
        entries = read_bids(root, out, advance=lambda rows: progress.advance(task, rows))
    click.echo(f"{out}: {len(entries)} sessions of {len({entry.user for entry in entries})} users")


def _show_stats(report: dict[str, Any]) -> None:
    facts = Table(show_header=False, box=None)
    spreads = Table("", box=None)
    columns = ("min", "p5", "p25", "p50", "p75", "p95", "max")
    for column in columns:
        spreads.add_column(column, justify="right")
    for name, value in report.items():
        if isinstance(value, dict) and "p50" in value:
            spreads.add_row(name, *(f"{value[column]:g}" for column in columns))
        elif isinstance(value, dict):
            facts.add_row(
                name, "   ".join(f"{'␣' if key == ' ' else key} {share}" for key, share in value.items()) or "none"
            )
        else:
            facts.add_row(name, str(value))
    console = Console(highlight=False)
    console.print(facts)
    console.print(spreads)


@command.command(epilog="Example: emgtype data convert labrecorder.xdf sessions/session.hdf5 --user 00000042")
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option("--user", default="", metavar="ID", help="Who wore the bands, for the session file.")
@click.option("--stream", metavar="NAME", help="Of XDF: the stream with both bands (default: the one of type EMG).")
@click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Of XDF: the streams of the bands (default: by labels).")
def convert(source: Path, target: Path, user: str, stream: str | None, bands: tuple[str, str] | None) -> None:
    """Convert XDF, as LabRecorder writes it, to a session file, or the reverse (reading needs emgtype[xdf])."""
    from emgtype.datasets.xdf import convert as convert_file

    if stream and bands:
        raise InputError("--stream and --bands are both given: name one stream, or two")
    names = [stream] if stream else list(bands or ())
    convert_file(source, target, user, names, lambda sentence: click.echo(sentence, err=True))


@command.command(epilog="Example: emgtype data repair sessions/42-20261121-170500.hdf5")
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILE...")
def repair(files: tuple[Path, ...]) -> None:
    """Repair session files whose recording was cut off by a crash or a power cut."""
    from adapters.sessions import repair as session_repair
    from adapters.sessions.format import LAYOUT

    for path in files:
        seconds = session_repair.repair(path) / LAYOUT.rate
        click.echo(f"{path}: {seconds:.1f} s")
