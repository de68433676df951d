"""`emgtype health`: the state of a running daemon, as an exit code."""

import sys
from pathlib import Path
from typing import Any

import click

from emgtype.commands._options import certificate_option, config_option, json_option, print_json
from emgtype.config import load_config
from emgtype.live.sockets import ask_daemon

_WELL = ("decoding", "paused")


@click.command(epilog="Example: emgtype health || systemctl --user restart emgtype")
@click.option("--endpoint", help="Where the daemon publishes, if not as configured.")
@click.option("--control", help="Where the daemon takes requests, if not beside that.")
@certificate_option
@config_option
@json_option
def command(
    endpoint: str | None, control: str | None, certificate: Path | None, config_path: Path | None, as_json: bool
) -> None:
    """Ask a running `emgtype serve` whether every wearer is decoded.

    Exit code 0: it answers, and every wearer is decoded or paused; 1: a wearer is not; 2: no daemon answers.
    """
    settings = load_config(config_path, {"publish.endpoint": endpoint, "publish.control": control}).publish
    people: dict[str, Any] = ask_daemon(settings, "status", None, None, certificate)["people"]
    ill = {name: status["state"] for name, status in people.items() if status["state"] not in _WELL}
    if as_json:
        print_json({"well": not ill, "people": {name: status["state"] for name, status in people.items()}})
    else:
        for name, status in people.items():
            lost = "" if status["lost"] is None else f", {status['lost']} lost"
            click.echo(f"{name}: {status['state']}, {status['samples']} samples{lost}, {status['gaps']} gaps")
    if ill:
        sys.exit(1)
