"""`emgtype replay`: a recorded session through the whole chain."""

import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from adapters.host.console import ConsoleSink
from adapters.sessions.flight_file import SUFFIX as FLIGHT
from adapters.sessions.reader import SessionReader
from adapters.wire.publisher import open_publisher
from emgtype.commands.options import (
    PATH,
    config_options,
    hot_word_entries,
    hot_word_options,
    json_option,
    precision_option,
    print_json,
    profile_option,
)
from emgtype.commands.replay_modes import DECODERS, fly, only_measured, with_faults
from emgtype.config import load_config
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

_PIECE = 32  # samples a time at the recorded speed, as a radio would deliver them


@click.command(epilog="Example: emgtype replay session.hdf5 --fast")
@click.argument("sessions", type=PATH, nargs=-1, required=True, metavar="SESSION|FLIGHT")
@config_options
@profile_option
@click.option("--fast", is_flag=True, help="As fast as possible instead of at the recorded speed.")
@click.option("--publish", is_flag=True, help="Also publish over ZeroMQ, as serve does.")
@click.option("--endpoint", help="ZeroMQ PUB endpoint for --publish.")
@click.option("--inject", is_flag=True, help="Type the text into the focused window, once armed (docs/keys.md).")
@click.option("--arm", is_flag=True, help="With --inject: arm it after a moment to click into the window.")
@click.option("--hop", type=int, help="Frames (8 ms each) per encoder call.")
@precision_option
@hot_word_options
@click.option("--lag", type=float, help="Seconds after which a key is final.")
@click.option("--person", metavar="NAME", help="Who typed: picks their layer of the bundle.")
@click.option(
    "--decoder",
    type=click.Choice(DECODERS),
    default=DECODERS[0],
    show_default=True,
    help="pyctcdecode: compare it on the text, at word level (docs/language.md).",
)
@click.option("--commit-sweep", is_flag=True, help="Compare commit rules on the session, or on several.")
@click.option("--plot", "plot_path", type=PATH, help="With --commit-sweep: a picture of it (PNG, PDF, SVG).")
@click.option("--faults", metavar="KIND@START+SECONDS,...", help="Live, with faults of these (docs/robustness.md).")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Show no text, only the report.")
@json_option
def command(
    sessions: tuple[Path, ...],
    config_path: Path | None,
    bundle: str | None,
    profile: str | None,
    fast: bool,
    publish: bool,
    endpoint: str | None,
    inject: bool,
    arm: bool,
    hop: int | None,
    precision: str | None,
    hot_words: tuple[str, ...],
    hot_word_file: Path | None,
    lag: float | None,
    person: str | None,
    decoder: str,
    commit_sweep: bool,
    plot_path: Path | None,
    faults: str | None,
    raw: bool | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Decode a recorded session; report accuracy, speed, and the delay from key press to character.

    Of a flight recorder's file: what was decoded then, decoded again, and whether it is the same (docs/recording.md).
    """
    if any(path.suffix == FLIGHT for path in sessions):
        fly(sessions, bundle, quiet=quiet, as_json=as_json)
        return
    flags: dict[str, Any] = {
        "bundle": bundle,
        "publish.endpoint": endpoint,
        "pipeline.hop": hop,
        "pipeline.precision": precision,
        "decoder.hot_words": hot_word_entries(hot_words, hot_word_file),
        "pipeline.person": person,
        "person": person,
        "decoder.lag": lag,
        "console.raw": raw,
    }
    config = load_config(config_path, flags, profile)
    check_flags(config.keys, inject=inject, arm=arm)
    if commit_sweep and inject:
        raise InputError("--commit-sweep compares texts and types none of them: leave --inject out, or run it without")
    model = open_bundle(config.bundle, config.pipeline.precision)
    if with_faults(sessions, faults, config, fast=fast, quiet=quiet, as_json=as_json) or only_measured(
        sessions, model, config, decoder, commit_sweep=commit_sweep, picture=plot_path, as_json=as_json
    ):
        return
    if len(sessions) > 1 or plot_path:
        raise InputError("several sessions, and --plot, go with --commit-sweep: name one session, or add it")
    timer = StageTimer()
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    with SessionReader(sessions[0]) as recorded, ExitStack() as stack:
        model.facts.require(recorded.layout)
        check_length(recorded, model.facts)
        said.print(f"{recorded.path} → {model.facts.name}", style="dim")
        block = OFFLINE if fast else None
        replay = Replay(lambda tap: assemble(model, config, timer, tap, block), timer, live=not fast)
        sinks: list[Sink] = []
        if publish:
            sinks.append(
                stack.enter_context(open_publisher(config.publish.endpoint or None, recorded.name, config.person))
            )
        if inject:
            tell = partial(said.print, style="yellow", markup=False)
            sinks.append(keys := stack.enter_context(open_injector(config.keys, tell, arm=arm)))
        show = not (quiet or as_json or fast)
        if show:
            sinks.append(stack.enter_context(ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)))
        progress = stack.enter_context(Progress(transient=True, disable=not fast or as_json))
        task = progress.add_task("decoding", total=len(recorded))
        chunks = recorded.chunks()
        source = chunks if fast else paced(pieces(chunks, _PIECE), time.monotonic, time.sleep)

        def pass_on(chunk: Chunk | None) -> None:
            for event in replay.finish() if chunk is None else replay.push(chunk):
                for sink in sinks:
                    sink.push(event)

        try:
            for chunk in source:
                pass_on(chunk)
                progress.advance(task, len(chunk.times))
        finally:
            pass_on(None)
        if inject:
            keys.finish()
        # A model that needs the whole recording has no delay: all its text comes after the end.
        counted = recorded.condition == ON_KEYBOARD and model.facts.encoder.kind == "streaming"
        timed = [k for k in recorded.keystrokes if k.label is not None] if counted else []
        report = replay.report(recorded.labels(recorded.start, recorded.end), timed)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report, fast)


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
            "no delays: the session has no key presses to count from, none was decoded rightly, or the model decodes "
            "at the end alone"
        )
