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

from adapters.console import ConsoleSink
from adapters.flight_file import SUFFIX as FLIGHT
from adapters.publisher import open_publisher
from adapters.session_reader import SessionReader
from decoder.errors import InputError
from decoder.truth import ON_KEYBOARD
from emgtype.assembly import OFFLINE, Bundle, assemble, beam_for, check_length, open_bundle, scorer_for
from emgtype.commands.options import (
    PATH,
    config_options,
    given_beside,
    hot_word_entries,
    hot_word_options,
    json_option,
    precision_option,
    print_json,
)
from emgtype.commands.train_command import session_files
from emgtype.config import Config, load_config
from emgtype.latency import StageTimer
from emgtype.live.daemon import Sink
from emgtype.live.injection import check_flags, open_keys
from emgtype.replaying.replay import Replay, ReplayReport, paced, pieces
from emgtype.tables import accuracy_table, milliseconds_table
from streamer.chunk import Chunk

DECODERS = ("emgtype", "pyctcdecode")
_OF_TEXT = ("sessions", "config_path", "bundle", "hop", "precision", "person", "decoder", "as_json")
"""What goes with the second: the others say how keys are decoded, shown or passed on."""
_OF_FLIGHTS = ("sessions", "bundle", "quiet", "as_json")
"""What goes with a flight, whose settings are in it."""
_OF_FAULTS = (
    *("sessions", "config_path", "bundle", "fast", "hop", "precision", "hot_words", "hot_word_file", "lag", "person"),
    *("raw", "quiet", "as_json", "faults"),
)
"""What goes with faults."""
_PIECE = 32  # samples a time at the recorded speed, as a radio would deliver them


@click.command(epilog="Example: emgtype replay session.hdf5 --fast")
@click.argument("sessions", type=PATH, nargs=-1, required=True, metavar="SESSION|FLIGHT")
@config_options
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
        _fly(sessions, bundle, quiet=quiet, as_json=as_json)
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
    config = load_config(config_path, flags)
    check_flags(config.keys, inject=inject, arm=arm)
    if commit_sweep and inject:
        raise InputError("--commit-sweep compares texts and types none of them: leave --inject out, or run it without")
    model = open_bundle(config.bundle, config.pipeline.precision)
    if _with_faults(sessions, faults, config, fast=fast, quiet=quiet, as_json=as_json) or _only_measured(
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
            sinks.append(keys := stack.enter_context(open_keys(config.keys, tell, arm=arm)))
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
        counted = recorded.condition == ON_KEYBOARD and model.facts.streams
        timed = [k for k in recorded.keystrokes if k.label is not None] if counted else []
        report = replay.report(recorded.labels(recorded.start, recorded.end), timed)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report, fast)


def _fly(flights: tuple[Path, ...], bundle: str | None, *, quiet: bool, as_json: bool) -> None:
    if strange := given_beside(_OF_FLIGHTS):
        raise InputError(f"a flight is decoded as it was: leave out {', '.join(strange)}")
    if len(flights) > 1:
        raise InputError(f"{len(flights)} files were named: expected one flight")
    from adapters.flight_file import read_flight
    from emgtype.recording.flight import reproduce

    flight = read_flight(flights[0])
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("decoding", total=len(flight.steps))
        found = reproduce(flight, bundle, lambda steps: progress.advance(task, steps))
    if as_json:
        print_json(found.as_dict())
    else:
        console = Console(highlight=False, soft_wrap=True)
        if not quiet:
            console.print(found.text, markup=False)
        console.print(str(found), style="dim", markup=False)
    if found.whole and found.equal_from:
        sys.exit(1)


def _with_faults(
    sessions: tuple[Path, ...], faults: str | None, config: Config, *, fast: bool, quiet: bool, as_json: bool
) -> bool:
    if faults is None:
        return False
    if strange := given_beside(_OF_FAULTS):
        raise InputError(f"--faults has the session go through a daemon of its own: leave out {', '.join(strange)}")
    if len(sessions) > 1:
        raise InputError(f"{len(sessions)} sessions were named: expected one with --faults")
    from emgtype.replaying.faulty_replay import replay_with_faults

    report = replay_with_faults(sessions[0], faults, config, fast=fast, quiet=quiet, as_json=as_json)
    if as_json:
        print_json(report)
    return True


def _only_measured(
    sessions: tuple[Path, ...],
    model: Bundle,
    config: Config,
    decoder: str,
    *,
    commit_sweep: bool,
    picture: Path | None,
    as_json: bool,
) -> bool:
    """What is asked for instead of a replay, done; False: nothing is."""
    if decoder != DECODERS[0]:
        _compare(sessions, model, config, as_json)
    elif commit_sweep:
        _sweep(sessions, model, config, picture, as_json)
    else:
        return False
    return True


def _compare(sessions: tuple[Path, ...], model: Bundle, config: Config, as_json: bool) -> None:
    if strange := given_beside(_OF_TEXT):
        raise InputError(
            f"--decoder {DECODERS[1]} reads the text of whole sentences and compares it: leave out {', '.join(strange)}"
        )
    from emgtype.replaying.word_replay import compare, table

    if len(sessions) > 1:
        raise InputError(f"{len(sessions)} sessions were named: expected one with --decoder {DECODERS[1]}")
    report = compare(sessions[0], model, config)
    if as_json:
        print_json(report.as_dict())
        return
    console = Console(highlight=False, soft_wrap=True)
    for sentence in report.sentences:
        console.print(f"{sentence.start - report.start:7.1f} s  {sentence.readings[0].text}", markup=False)
    console.print(table(report))
    console.print(f"{report.signal:.1f} s of signal; word model: {report.word_model or 'none'}", markup=False)


def _sweep(sessions: tuple[Path, ...], model: Bundle, config: Config, picture: Path | None, as_json: bool) -> None:
    from emgtype.replaying.commit_sweep import Recorded, plot, record, rules, sweep, table

    said = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(transient=True, console=said, disable=as_json) as progress:
        tried, files, recorded = rules(), session_files(sessions), list[Recorded]()
        task = progress.add_task("encoding", total=len(files) + len(tried))
        for path in files:
            recorded.append(record(path, model, config))
            progress.advance(task)
        scorer = scorer_for(model, config.decoder)
        outcomes = sweep(
            recorded,
            lambda: beam_for(scorer, config.decoder),
            tried,
            lambda name: progress.update(task, advance=1, description=name),
        )
    if picture:
        plot(outcomes, picture)
    if as_json:
        print_json({name: outcome.as_dict() for name, outcome in outcomes.items()})
    else:
        Console(highlight=False).print(table(outcomes))


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
