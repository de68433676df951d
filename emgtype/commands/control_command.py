"""`emgtype control`: requests to a running daemon."""

from pathlib import Path

import click

from emgtype.commands.options import PATH, keys_option, print_json
from emgtype.config import load_config
from emgtype.requests import REQUESTS
from emgtype.sockets import ask_daemon


@click.command(epilog="Example: emgtype control pause")
@click.argument("request", type=click.Choice(REQUESTS))
@click.argument("arg", required=False)
@click.option("--person", metavar="NAME", help="Of this person alone (default: everybody).")
@click.option("--endpoint", help="Where the daemon publishes, if not as configured: it takes requests beside that.")
@click.option("--control", help="Where the daemon takes requests, if it was told.")
@keys_option
@click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours).")
def command(
    request: str,
    arg: str | None,
    person: str | None,
    endpoint: str | None,
    control: str | None,
    keys: Path | None,
    config_path: Path | None,
) -> None:
    """Ask a running `emgtype serve`; prints its answer as JSON.

    pause drops what is typed until resume; reset forgets what the muscles did; snapshot is the newest text and the
    number of the message that follows it; shutdown ends the daemon as Ctrl-C does.
    """
    config = load_config(config_path, {"publish.endpoint": endpoint, "publish.control": control})
    answer = ask_daemon(config.publish, request, person, arg, keys)
    print_json({key: value for key, value in answer.items() if key not in ("v", "ok")})
