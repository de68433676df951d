"""`emgtype demo`: simulated wristbands, decoded live on this machine."""

import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pylsl
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from adapters.sessions.reader import SessionReader
from decoder.metrics import CharacterErrors
from emgtype.commands._demo_processes import Part, check_alive, demo_arguments, messages, run_part
from emgtype.datasets.simulated import write_session
from emgtype.latency import percentiles
from emgtype.replay.key_delays import ShownKeys, key_delays
from emgtype.tables import accuracy_table, milliseconds_table
from emgtype.texts import load_text
from messages.text import render
from messages.typed import Keystroke
from simulator.person import make_person
from simulator.session import typing_session

PERSON = 1
"""The person that the shipped model was trained for (exported/demo/README.md)."""
DONNING = 4000
"""The first donning that no training, validation or test session used."""
_START_UP_S = 90.0
"""Seconds within which the first sample must be played."""
_TAIL_S = 3.0
"""Seconds after the last sample: the source stalls, then the tail becomes final."""
_SHOWN_LINES = 3
"""Lines of text shown of each side."""


@click.command(epilog="Example: emgtype demo --seconds 30")
@click.option(
    "--seconds", default=45.0, show_default=True, type=click.FloatRange(20, 3600), help="Length of the session."
)
@click.option(
    "--person", default=PERSON, show_default=True, help="Seed of the person; the shipped model is for person 1."
)
@click.option("--donning", default=DONNING, show_default=True, help="Seed of the donning.")
@click.option("--bundle", default="demo", show_default=True, help="Model bundle.")
def command(seconds: float, person: int, donning: int, bundle: str) -> None:
    """Watch text being decoded live from two simulated wristbands, over LSL and ZeroMQ on this machine."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="emgtype-demo-") as folder, ExitStack() as stack:
        path = Path(folder, "session.hdf5")
        with console.status("simulating a typist and two forearms"):
            write_session(path, typing_session(make_person(person), donning, load_text("demo"), seconds))
        with SessionReader(path) as session:
            presses = [k for k in session.keystrokes if k.label is not None]
        calls = demo_arguments(f"emgtype-demo-{os.getpid()}", f"ipc://{folder}/text", path, bundle)
        parts = {name: stack.enter_context(run_part(name, arguments)) for name, arguments in calls.items()}
        with console.status("starting simulator, daemon and subscriber"):
            offset = _wait_for_start(parts)
        keys, arrivals = _watch(console, parts, presses, offset)
        parts["daemon"].end()
        report = _last_json(parts["daemon"])
    _summary(console, keys, arrivals, presses, report)


def _wait_for_start(parts: dict[str, Part]) -> float:
    """Return the seconds from the session's clock to unix time, which the simulator prints when it begins to play."""
    end = time.monotonic() + _START_UP_S
    while time.monotonic() < end:
        check_alive(list(parts.values()))
        for line in parts["simulator"].poll_lines():
            if "LSL time = session time + " in line:
                return float(line.rsplit("+", 1)[1]) + time.time() - float(pylsl.local_clock())
        time.sleep(0.05)
    raise TimeoutError(f"the simulator did not begin to play within {_START_UP_S:g} s")


def _watch(
    console: Console, parts: dict[str, Part], presses: list[Keystroke], offset: float
) -> tuple[ShownKeys, list[float]]:
    """Show both sides until the simulator has ended and the text is final."""
    keys, arrivals = ShownKeys(), []
    to_unix = time.time() - float(pylsl.local_clock())
    end: float | None = None
    with Live(console=console, refresh_per_second=12, transient=False) as live:
        while end is None or time.monotonic() < end:
            check_alive(list(parts.values()))
            for message in messages(parts["subscriber"]):
                if "erase" in message:
                    arrivals.append(message["received"] - message["time"] - to_unix)
                    labels, seen = [key["label"] for key in message["keys"]], message["received"] - offset
                    keys.apply(message["erase"], labels, message["tail"], seen)
            now = time.time() - offset
            typed = [k.label for k in presses if k.start <= now and k.label is not None]
            live.update(_screen(typed, keys))
            if end is None and parts["simulator"].process.poll() is not None:
                end = time.monotonic() + _TAIL_S
            time.sleep(0.04)
    return keys, arrivals


def _screen(typed: list[int], keys: ShownKeys) -> Group:
    final = len(keys.final)
    decoded = Text(_last_lines(render(keys.labels[:final])))
    decoded.append(render(keys.labels)[len(render(keys.labels[:final])) :], style="dim")
    return Group(
        Text("typed", style="bold cyan"),
        Text(_last_lines(render(typed))),
        Text("decoded (dim: may still change)", style="bold green"),
        decoded,
    )


def _last_lines(text: str) -> str:
    return "\n".join(text.rsplit("\n", _SHOWN_LINES)[-_SHOWN_LINES:])


def _last_json(part: Part) -> dict[str, Any]:
    text = "\n".join(part.poll_lines())
    report: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return report


def _summary(
    console: Console, keys: ShownKeys, arrivals: list[float], presses: list[Keystroke], report: dict[str, Any]
) -> None:
    truth = [k.label for k in presses if k.label is not None]
    console.print()
    console.print(accuracy_table({"live, beam with LM": CharacterErrors.between(keys.labels, truth)}))
    delays = key_delays([k.start for k in presses], truth, keys)
    rows = {
        "press → shown at the subscriber": percentiles(1e3 * delays.shown),
        "press → final at the subscriber": percentiles(1e3 * delays.final),
        "newest sample → subscriber": percentiles([1e3 * a for a in arrivals]),
        **{f"{stage}, per hop": values for stage, values in report["stages_ms"].items()},
    }
    console.print(milliseconds_table("latency, ms", rows))
    console.print(f"{report['samples']} samples, {report['lost']} lost")
