"""`emgtype listen`: a subscriber."""

import json
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from adapters.console import ConsoleSink
from adapters.subscriber import Subscriber
from adapters.wire import TextMessage
from emgtype.commands.options import PATH
from emgtype.config import load_config

_POLL = 0.2  # seconds


@click.command(epilog="Example: emgtype listen --json | jq .insert")
@click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours).")
@click.option("--endpoint", help="Where the daemon publishes (default: as configured).")
@click.option("--person", help="Only this person's text (default: whoever is heard first).")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print all messages, a line of JSON each, with `received` (unix s)."
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
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    end = None if seconds is None else time.monotonic() + seconds
    with Subscriber(config.publish.endpoint or None, person) as subscriber:
        sink = None if as_json else ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)
        said.print(f"listening at {subscriber.endpoint}", style="dim")
        lost = 0
        other: str | None = None  # the first whose text is not shown
        try:
            while end is None or time.monotonic() < end:
                message = subscriber.receive(_POLL)
                if message is None:
                    continue
                if as_json:
                    table = {**json.loads(subscriber.body), "received": time.time()}
                    click.echo(json.dumps(table, ensure_ascii=False))
                elif sink and isinstance(message, TextMessage):
                    person = person or message.person
                    if message.person == person:
                        sink.push(message.event)
                    elif other is None:
                        other = message.person
                        said.print(f"{other} types too: only {person} is shown, choose by --person", style="yellow")
                if subscriber.lost > lost:
                    said.print(f"{subscriber.lost - lost} messages lost", style="yellow")
                    lost = subscriber.lost
        finally:
            if sink:
                sink.close()
