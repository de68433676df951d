"""`emgtype listen`: a subscriber."""

import json
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from adapters.host.console import ConsoleSink
from adapters.wire.format import KINDS, TextMessage, table
from adapters.wire.subscriber import TEXT
from emgtype.commands.options import PATH, keys_option
from emgtype.config import load_config
from emgtype.live.sockets import subscriber
from messages.errors import InputError

_POLL = 0.2  # seconds


@click.command(epilog="Example: emgtype listen --json | jq .insert")
@click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours).")
@click.option("--endpoint", help="Where the daemon publishes (default: as configured).")
@keys_option
@click.option("--person", help="Only this person's text (default: whoever is heard first).")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print messages, a line of JSON each, with `topic` and `received` (unix s)."
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="With --json: which (default: keys, heartbeat).",
)
@click.option("--seconds", type=float, help="End after so many seconds.")
def command(
    config_path: Path | None,
    endpoint: str | None,
    keys: Path | None,
    person: str | None,
    raw: bool | None,
    as_json: bool,
    topics: tuple[str, ...],
    seconds: float | None,
) -> None:
    """Show the text that a running daemon publishes, until Ctrl-C."""
    if topics and not as_json:
        raise InputError("--topic chooses among messages: expected --json with it")
    config = load_config(config_path, {"publish.endpoint": endpoint, "console.raw": raw})
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    end = None if seconds is None else time.monotonic() + seconds
    with subscriber(config.publish, person, topics or TEXT, keys) as heard:
        sink = None if as_json else ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)
        said.print(f"listening at {heard.endpoint}", style="dim")
        lost, refused = 0, ""
        other: str | None = None  # the first whose text is not shown
        try:
            while end is None or time.monotonic() < end:
                try:
                    message = heard.receive(_POLL)
                except InputError as error:  # a daemon of another version may give way to one of ours
                    if str(error) != refused:
                        refused = str(error)
                        said.print(refused, style="yellow", markup=False)
                    continue
                if message is None:
                    continue
                if as_json:
                    line = {"topic": message.KIND, **table(message), "received": time.time()}
                    click.echo(json.dumps(line, ensure_ascii=False))
                elif sink and isinstance(message, TextMessage):
                    person = person or message.person
                    if message.person == person:
                        sink.push(message.event)
                    elif other is None:
                        other = message.person
                        said.print(f"{other} types too: only {person} is shown, choose by --person", style="yellow")
                if heard.lost > lost:
                    said.print(f"{heard.lost - lost} messages lost", style="yellow")
                    lost = heard.lost
        finally:
            if sink:
                sink.close()
