"""Decode a recorded session with simulated faults by the daemon, for `emgtype replay --faults`."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from adapters.host.console import ConsoleSink
from adapters.sessions.reader import SessionReader
from decoder.metrics import CharacterErrors
from emgtype.config import Config
from emgtype.live.line import Sink
from emgtype.replay.faulty import FaultyResult, FaultyRun, StreamOptions
from emgtype.replay.key_delays import ShownKeys
from emgtype.tables import accuracy_table
from messages.signal import Chunk
from simulator.fault_plan import parse_faults


def replay_with_faults(path: Path, faults: str, config: Config, *, fast: bool, quiet: bool, as_json: bool) -> Any:
    """Decode a session as one faulty stream per band; the daemon's messages go to the terminal as they come.

    Args:
        path: Path of the session.
        faults: Plan of faults, as `simulator.fault_plan.parse_faults` reads it.
        config: Configuration of the daemon.
        fast: Whether to decode as fast as possible, without showing the text.
        quiet: Whether not to show the text.
        as_json: Whether to return the report, for --json, and to show nothing.

    Raises:
        InputError: As in `FaultyRun`, its run, and `parse_faults`.
    """
    terminal = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
    keys = ShownKeys()
    with SessionReader(path) as recorded, ExitStack() as stack:
        progress = stack.enter_context(Progress(transient=True, console=terminal, disable=not fast or as_json))
        task = progress.add_task("decoding", total=len(recorded))

        def chunks() -> Iterator[Chunk]:
            for chunk in recorded.chunks():
                yield chunk
                progress.advance(task, len(chunk.times))

        sinks: list[Sink] = [keys]
        if not (quiet or fast or as_json):
            sinks.append(stack.enter_context(ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)))
        log = partial(terminal.print, style="yellow", markup=False)
        plan, streams = parse_faults(faults, recorded.layout), recorded.layout.bands
        with FaultyRun(chunks(), plan, config, StreamOptions(streams, paced=not fast), sinks, log) as run:
            result = run.run()
        errors = CharacterErrors.between(keys.labels, recorded.labels(recorded.start, recorded.end))
    if as_json:
        return {**asdict(result), "beam": asdict(errors), "cer": errors.cer}
    _show(result, errors)
    return None


def _show(result: FaultyResult, errors: CharacterErrors) -> None:
    """Print the accuracy, the worst figures, and the messages and samples of the sinks."""
    console = Console(highlight=False)
    console.print(accuracy_table({"beam with LM": errors}))
    figures = ", ".join(f"{name} {value:g}" for name, value in result.worst.items() if value)
    console.print(
        f"{result.lost} samples were never sent because of the faults; largest figures of the status: {figures}"
    )
    if result.messages is not None:
        console.print(f"the slow subscriber got {result.messages} messages of text and missed {result.missed} of all")
    if result.recorded is not None:
        console.print(f"{result.recorded} samples recorded")
