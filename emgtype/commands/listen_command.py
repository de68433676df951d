"""`emgtype listen`: a subscriber."""

import time
from pathlib import Path

import click

from emgtype.commands.options import PATH
from emgtype.config import load_config


@click.command(epilog="Example: emgtype listen --json | jq .insert")
@click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours).")
@click.option("--endpoint", help="Where the daemon publishes (default: as configured).")
@click.option("--person", help="Only this person's text (default: everybody's).")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print every message as one line of JSON, with `received` (unix s)."
)
@click.option("--seconds", type=float, help="End after so many seconds.")
def command(
    config_path: Path | None,
    endpoint: str | None,
    person: str | None,
    raw: bool | None,
    as_json: bool,
    seconds: float | None,
) -> None:
    """Show the text that a running daemon publishes, until Ctrl-C."""
    config = load_config(config_path, {"publish.endpoint": endpoint, "console.raw": raw})
    end = None if seconds is None else time.monotonic() + seconds
