"""`emgtype replay`: a recorded session through the whole chain."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from adapters.host.console import ConsoleSink
from adapters.inject.sink import KeyInjector
from adapters.sessions.flight_file import SUFFIX as FLIGHT
from adapters.sessions.reader import SessionReader
from adapters.wire.publisher import open_publisher
from emgtype.commands._options import (
    PATH,
    SettingsFlags,
    json_option,
    moved_option,
    print_json,
    settings_options,
)
from emgtype.config import Config
from emgtype.latency import StageTimer
from emgtype.live.injection import check_flags, open_injector
from emgtype.live.line import Sink
from emgtype.models.bundle import check_length, open_bundle
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.replay.replay import Replay, ReplayReport, paced, pieces
from emgtype.tables import accuracy_table, milliseconds_table
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import ON_KEYBOARD

_PIECE_SAMPLES = 32
"""Samples that enter at once at the recorded speed, as a radio would deliver them."""
_SWEEP = "comparing commit rules is now a command of its own: emgtype commit-sweep SESSION..."


@click.command(epilog="Example: emgtype replay session.hdf5 --fast")
@click.argument("session", type=PATH)
@settings_options(lag=True, hot_words=True)
@click.option("--fast", is_flag=True, help="As fast as possible instead of at the recorded speed.")
@click.option("--publish", is_flag=True, help="Also publish over ZeroMQ, as serve does.")
@click.option("--endpoint", help="ZeroMQ PUB endpoint for --publish.")
@click.option("--inject", is_flag=True, help="Type the text into the focused window, once armed (docs/inject.md).")
@click.option("--arm", is_flag=True, help="With --inject: arm it after a moment to click into the window.")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Show no text, only the report.")
@json_option
@moved_option("--faults", "replaying with faults is now a command of its own: emgtype faults SESSION FAULTS")
@moved_option("--decoder", "comparing decoders is now a command of its own: emgtype compare SESSION")
@moved_option("--commit-sweep", _SWEEP, is_flag=True)
@moved_option("--plot", f"{_SWEEP} --plot FILE")
def command(
    session: Path,
    flags: SettingsFlags,
    fast: bool,
    publish: bool,
    endpoint: str | None,
    inject: bool,
    arm: bool,
    raw: bool | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Decode a recorded session; report accuracy, speed, and the delay from key press to character."""
    if session.suffix == FLIGHT:
        raise InputError(f"{session} is a flight, which another command decodes now: emgtype flight {session}")
    config = flags.load({"publish.endpoint": endpoint, "console.raw": raw})
    check_flags(config.inject, inject=inject, arm=arm)
    outputs = _Outputs(publish, inject, arm, text=not (quiet or as_json or fast), progress=fast and not as_json)
    report = _replay(session, config, outputs, fast=fast)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report, fast)


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where the text of a replay goes."""

    publish: bool
    inject: bool
    arm: bool
    text: bool
    """Whether it is shown on standard output."""
    progress: bool
    """Whether a progress bar is shown."""


def _replay(path: Path, config: Config, outputs: _Outputs, *, fast: bool) -> ReplayReport:
    model, timer = open_bundle(config.bundle, config.pipeline.precision), StageTimer()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with SessionReader(path) as session, ExitStack() as stack:
        model.facts.require(session.layout)
        check_length(session, model.facts)
        console.print(f"{session.path} → {model.facts.name}", style="dim")
        block = OFFLINE if fast else None
        replay = Replay(lambda tap: assemble(model, config, timer, tap, block), timer, live=not fast)
        sinks, injector = _sinks(stack, config, outputs, session.name, console)
        progress = stack.enter_context(Progress(transient=True, disable=not outputs.progress))
        task = progress.add_task("decoding", total=len(session))
        chunks = session.chunks()
        try:
            for chunk in chunks if fast else paced(pieces(chunks, _PIECE_SAMPLES), time.monotonic, time.sleep):
                _pass_on(replay, chunk, sinks)
                progress.advance(task, len(chunk.times))
        finally:
            _pass_on(replay, None, sinks)
        if injector:
            injector.finish()
        # A model that needs the whole recording has no delay: all its text comes after the end.
        counted = session.condition == ON_KEYBOARD and model.facts.encoder.kind == "streaming"
        presses = [key for key in session.keystrokes if key.label is not None] if counted else []
        return replay.report(session.labels(session.start, session.end), presses)


def _sinks(
    stack: ExitStack, config: Config, outputs: _Outputs, session: str, console: Console
) -> tuple[list[Sink], KeyInjector | None]:
    """Open the sinks; the second is the one of them that types into windows."""
    sinks, injector = list[Sink](), None
    if outputs.publish:
        sinks.append(stack.enter_context(open_publisher(config.publish.endpoint or None, session, config.person)))
    if outputs.inject:
        notify = partial(console.print, style="yellow", markup=False)
        injector = stack.enter_context(open_injector(config.inject, notify, arm=outputs.arm))
        sinks.append(injector)
    if outputs.text:
        sinks.append(stack.enter_context(ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)))
    return sinks, injector


def _pass_on(replay: Replay, chunk: Chunk | None, sinks: Sequence[Sink]) -> None:
    """Decode samples, or what is left at the end (None), and hand the events to all sinks."""
    for event in replay.finish() if chunk is None else replay.push(chunk):
        for sink in sinks:
            sink.push(event)


def _show(report: ReplayReport, fast: bool) -> None:
    console = Console(highlight=False)
    console.print(accuracy_table({"greedy": report.greedy, "beam with LM": report.beam}))
    console.print(
        f"{report.seconds:.1f} s of signal in {report.wall:.1f} s; {1 / report.real_time_factor:.0f}× real time; "
        f"{report.retracted:.3f} keys taken back per key typed"
    )
    each = f"block of {OFFLINE} frames" if fast else "hop"
    console.print(milliseconds_table(f"stage, ms per {each}", report.stages_ms))
    delays = {"press → shown": report.shown_ms, "press → final": report.final_ms}
    if report.shown_ms:
        console.print(milliseconds_table("delay without computing, ms" if fast else "delay, ms", delays))
    else:
        console.print(
            "no delays: the session has no key presses to count from, no key was decoded rightly, or the model decodes "
            "at the end alone"
        )
