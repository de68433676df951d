"""A recorded session with faults through the daemon, for `emgtype replay --faults`."""

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
from emgtype.replay.faulty import Faulty, FaultyRun
from emgtype.replay.key_delays import ShownKeys
from emgtype.tables import accuracy_table
from messages.signal import Chunk
from simulator.fault_plan import parse_faults


def replay_with_faults(path: Path, faults: str, config: Config, *, fast: bool, quiet: bool, as_json: bool) -> Any:
    """Decode a session as two faulty streams; what the daemon says goes to the terminal as it happens.

    Args:
        path: The session.
        faults: As `simulator.fault_plan.parse_faults` reads them.
        config: Of the daemon.
        fast: Whether as fast as possible.
        quiet: Whether the text is not shown; nor is it where it comes fast.
        as_json: Whether the report is returned, for --json, and nothing is told.

    Raises:
        InputError: As of `FaultyRun`, its run, and `parse_faults`.
    """
    said = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
    keys = ShownKeys()
    with SessionReader(path) as recorded, ExitStack() as stack:
        progress = stack.enter_context(Progress(transient=True, console=said, disable=not fast or as_json))
        task = progress.add_task("decoding", total=len(recorded))

        def chunks() -> Iterator[Chunk]:
            for chunk in recorded.chunks():
                yield chunk
                progress.advance(task, len(chunk.times))

        sinks: list[Sink] = [keys]
        if not (quiet or fast or as_json):
            sinks.append(stack.enter_context(ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)))
        tell = partial(said.print, style="yellow", markup=False)
        plan, streams = parse_faults(faults, recorded.layout), recorded.layout.bands
        with FaultyRun(chunks(), plan, config, sinks, tell, streams=streams, paced=not fast) as run:
            outcome = run.run()
        errors = CharacterErrors.between(keys.labels, recorded.labels(recorded.start, recorded.end))
    if as_json:
        return {**asdict(outcome), "beam": asdict(errors), "cer": errors.cer}
    _show(outcome, errors)
    return None


def _show(outcome: Faulty, errors: CharacterErrors) -> None:
    console = Console(highlight=False)
    console.print(accuracy_table({"beam with LM": errors}))
    figures = ", ".join(f"{name} {value:g}" for name, value in outcome.worst.items() if value)
    console.print(f"{outcome.lost} samples were kept from being sent; the status told at most: {figures}")
    if outcome.messages is not None:
        console.print(f"the slow subscriber got {outcome.messages} messages of text and missed {outcome.missed} of all")
    if outcome.recorded is not None:
        console.print(f"{outcome.recorded} samples recorded")
