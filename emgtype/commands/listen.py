"""`emgtype listen`: a subscriber that shows a daemon's text."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from adapters.host.console import ConsoleSink
from adapters.wire.format import KINDS, Message, TextMessage, table
from adapters.wire.subscriber import TEXT, Subscriber
from emgtype.commands._options import certificate_option, config_option
from emgtype.config import load_config
from emgtype.live.sockets import subscriber
from messages.errors import InputError

_POLL_S = 0.2


@click.command(epilog="Example: emgtype listen --json | jq .insert")
@config_option
@click.option("--endpoint", help="Where the daemon publishes (default: as configured).")
@certificate_option
@click.option("--person", help="Only this person's text (default: the person of the first message).")
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
    certificate: Path | None,
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
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    end = None if seconds is None else time.monotonic() + seconds
    with ExitStack() as stack:
        source = stack.enter_context(subscriber(config.publish, person, topics or TEXT, certificate))
        show = _print_line
        if not as_json:
            sink = stack.enter_context(ConsoleSink(Console(file=sys.stdout), raw=config.console.raw))
            show = _TextOfOne(sink, person, console).push
        console.print(f"listening at {source.endpoint}", style="dim")
        lost = 0
        for message in _messages(source, end, console):
            show(message)
            if source.lost > lost:
                console.print(f"{source.lost - lost} messages lost", style="yellow")
                lost = source.lost


def _messages(source: Subscriber, end: float | None, console: Console) -> Iterator[Message]:
    """Yield messages until a moment of the monotonic clock; a refusal is shown, once each time it changes."""
    refusal = ""
    while end is None or time.monotonic() < end:
        try:
            message = source.receive(_POLL_S)
        except InputError as error:
            # A daemon of another version: one of this version may take its place.
            if str(error) != refusal:
                refusal = str(error)
                console.print(refusal, style="yellow", markup=False)
            continue
        if message is not None:
            yield message


def _print_line(message: Message) -> None:
    line = {"topic": message.KIND, **table(message), "received": time.time()}
    click.echo(json.dumps(line, ensure_ascii=False))


class _TextOfOne:
    """Shows the text of one person, and says once that there are others."""

    def __init__(self, sink: ConsoleSink, person: str | None, console: Console) -> None:
        """Show this person; None: the person of the first message."""
        self._sink = sink
        self._person = person
        self._console = console
        self._reported = False

    def push(self, message: Message) -> None:
        """Show a message if it is this person's text."""
        if not isinstance(message, TextMessage):
            return
        self._person = self._person or message.person
        if message.person == self._person:
            self._sink.push(message.event)
        elif not self._reported:
            self._reported = True
            self._console.print(
                f"{message.person} types too: only {self._person} is shown, choose by --person", style="yellow"
            )
