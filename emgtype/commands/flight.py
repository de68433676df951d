"""`emgtype flight`: a flight recorder's file, decoded again."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from adapters.sessions.flight_file import read_flight
from emgtype.commands._options import PATH, json_option, print_json
from emgtype.recording.reproduce import reproduce


@click.command(epilog="Example: emgtype flight me-20261121-170500-123.flight")
@click.argument("file", type=PATH)
@click.option("--bundle", metavar="NAME|FOLDER", help="Where the bundle lies now, if not where it lay then.")
@click.option("--quiet", is_flag=True, help="Show no text, only whether it is the same.")
@json_option
def command(file: Path, bundle: str | None, quiet: bool, as_json: bool) -> None:
    """Decode a flight again with the settings in it, and say whether every event is the same (docs/recording.md).

    The exit code is 1 where a flight that should be reproduced is not.
    """
    flight = read_flight(file)
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("decoding", total=len(flight.steps))
        reproduced = reproduce(flight, bundle, lambda steps: progress.advance(task, steps))
    if as_json:
        print_json(reproduced.as_dict())
    else:
        console = Console(highlight=False, soft_wrap=True)
        if not quiet:
            console.print(reproduced.text, markup=False)
        console.print(str(reproduced), style="dim", markup=False)
    if reproduced.whole and reproduced.equal_from:
        sys.exit(1)
