"""`emgtype control`: requests to a running daemon."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from emgtype.commands._options import certificate_option, config_option, print_json
from emgtype.config import load_config
from emgtype.live.requests import LOADING, REQUESTS
from emgtype.live.sockets import ask_daemon
from messages.errors import InputError

_POLL_S = 0.1


@click.command(epilog="Example: emgtype control pause")
@click.argument("request", type=click.Choice(REQUESTS))
@click.argument("arg", required=False)
@click.option("--person", metavar="NAME", help="Of this person alone (default: everybody).")
@click.option("--endpoint", help="Where the daemon publishes, if not as configured: it takes requests beside that.")
@click.option("--control", help="Where the daemon takes requests, if not beside that.")
@certificate_option
@config_option
def command(
    request: str,
    arg: str | None,
    person: str | None,
    endpoint: str | None,
    control: str | None,
    certificate: Path | None,
    config_path: Path | None,
) -> None:
    """Ask a running `emgtype serve`; prints its answer as JSON.

    pause drops all samples until resume; reset forgets the signal so far; snapshot prints the newest text and the
    numbers of the messages that follow it; mark NAME publishes a name for this moment; reload BUNDLE and profile NAME
    exchange the model or the settings while you type; arm, disarm and undo control the typing into windows
    (docs/inject.md); shutdown ends the daemon as Ctrl-C does.
    """
    settings = load_config(config_path, {"publish.endpoint": endpoint, "publish.control": control}).publish
    answer = ask_daemon(settings, request, person, arg, certificate)
    if request in LOADING:
        _wait(lambda: ask_daemon(settings, "status", None, None, certificate))
    print_json({key: value for key, value in answer.items() if key not in ("v", "ok")})


def shorthand(request: str) -> click.Command:
    """Return the command `emgtype REQUEST`, which is short for `emgtype control REQUEST`."""
    options = [option for option in command.params if option.name not in ("request", "arg")]
    short = partial(command.callback, request=request, arg=None) if command.callback else None
    help_, example = f"Short for `emgtype control {request}`.", f"Example: emgtype {request}"
    return click.Command(request, callback=short, params=options, help=help_, epilog=example)


def _wait(status: Callable[[], dict[str, Any]]) -> None:
    """Wait until the daemon has loaded the bundle or profile that it was asked for."""
    while (answer := status())["loading"]:
        time.sleep(_POLL_S)
    if answer["load_error"]:
        raise InputError(f"not loaded: {answer['load_error']}")
