"""`emgtype control`: requests to a running daemon."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from emgtype.commands.options import PATH, keys_option, print_json
from emgtype.config import load_config
from emgtype.live.requests import LOADING, REQUESTS
from emgtype.live.sockets import ask_daemon
from messages.errors import InputError

_POLL = 0.1  # seconds


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
    numbers of the messages that follow it; mark NAME publishes a name for the moment; reload BUNDLE and profile NAME
    exchange the model or the settings while you type; arm, disarm and undo are for what types into windows
    (docs/keys.md); shutdown ends the daemon as Ctrl-C does.
    """
    settings = load_config(config_path, {"publish.endpoint": endpoint, "publish.control": control}).publish
    answer = ask_daemon(settings, request, person, arg, keys)
    if request in LOADING:
        _wait(lambda: ask_daemon(settings, "status", None, None, keys))
    print_json({key: value for key, value in answer.items() if key not in ("v", "ok")})


def shorthand(request: str) -> click.Command:
    """`emgtype pause` for `emgtype control pause`, and so on."""
    options = [option for option in command.params if option.name not in ("request", "arg")]
    short = partial(command.callback, request=request, arg=None) if command.callback else None
    return click.Command(request, callback=short, params=options, help=f"Short for `emgtype control {request}`.")


def _wait(status: Callable[[], dict[str, Any]]) -> None:
    """Until the daemon has loaded what it was asked to."""
    while (found := status())["loading"]:
        time.sleep(_POLL)
    if found["load_error"]:
        raise InputError(f"not loaded: {found['load_error']}")
