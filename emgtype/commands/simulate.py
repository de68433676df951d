"""`emgtype simulate`: session files of the exact format, or live LSL streams."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import Progress

from adapters.datasets.dataset import read_entry, write_metadata
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from emgtype.commands._options import PATH
from emgtype.recording.player import play
from messages.errors import InputError
from messages.signal import Chunk
from simulator.fault_plan import SimulatedFault, parse_faults

# SciPy's filters take a second to load: playing a recording does not wait for the simulator.
if TYPE_CHECKING:
    from emgtype.datasets.simulated import Plan


@click.command(epilog="Example: emgtype simulate --person 1 --donning 7 --minutes 2 --out session.hdf5")
@click.option("--person", default=1, show_default=True, help="Seed of the person: anatomy, strength, habits.")
@click.option(
    "--donning", default=1, show_default=True, help="Seed of how the bands sit, and of all chance in the session."
)
@click.option(
    "--minutes", default=1.0, show_default=True, type=click.FloatRange(0.2, 600), help="Typing time of a session."
)
@click.option("--text", default="demo", show_default=True, help="Text that is typed: a file, or demo, train, test, lm.")
@click.option("--words", is_flag=True, help="Prompts of four unrelated words, as emg2qwerty's, not running text.")
@click.option("--out", type=PATH, help="Session file to write; with --sessions, the folder.")
@click.option("--sessions", type=click.IntRange(1), help="Write so many sessions, each with the next donning.")
@click.option(
    "--people", metavar="FIRST-LAST", help="A data set: --sessions of each person of these seeds, and metadata.csv."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes for --people (default: one per core).")
@click.option("--play", "session", type=PATH, help="Play this recorded session instead of a simulated one.")
@click.option("--stream", metavar="NAME", help="Play as one LSL stream with both bands.")
@click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Play as two LSL streams, one a band.")
@click.option("--sample-numbers", is_flag=True, help="Add a channel that counts samples, so that a lost one shows.")
@click.option("--faults", metavar="KIND@START+SECONDS,...", help="Play with these faults (docs/robustness.md).")
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for a listener before playing.")
def command(
    person: int,
    donning: int,
    minutes: float,
    text: str,
    words: bool,
    out: Path | None,
    sessions: int | None,
    people: str | None,
    jobs: int | None,
    session: Path | None,
    stream: str | None,
    bands: tuple[str, str] | None,
    sample_numbers: bool,
    faults: str | None,
    wait: float,
) -> None:
    """Simulate a person who types: write session files, or play one as LSL streams."""
    if (out is None) == (stream is None and bands is None):
        raise InputError("nothing to do, or two things: name either --out, or --stream or --bands to play")
    if stream and bands:
        raise InputError("both --stream and --bands were named: choose one stream or two")
    if out is not None:
        if session:
            raise InputError("--play goes with --stream or --bands, not with --out: the session is a file already")
        if faults is not None:
            raise InputError(
                "--faults goes with --stream or --bands, not with --out: a file has none; or use `emgtype faults`"
            )
        if people is not None:
            from emgtype.datasets.simulated import population

            _write_people(population(out, _range(people), sessions or 1, minutes, text, unrelated=words), out, jobs)
        else:
            from emgtype.datasets.simulated import Plan

            _write(_plans(Plan(out, person, donning, minutes, text, words), sessions))
        return

    def chunks() -> Iterator[Chunk]:
        if session is None:
            from emgtype.datasets.simulated import Plan, planned

            yield from planned(Plan(Path(), person, donning, minutes, text, words)).chunks()
            return
        with SessionReader(session) as reader:
            yield from reader.chunks()

    play(
        chunks(),
        [stream] if stream else list(bands or ()),
        sample_numbers=sample_numbers,
        wait=wait,
        log=_notify,
        faults=_faults(faults),
    )


def _faults(text: str | None) -> tuple[SimulatedFault, ...]:
    faults = () if text is None else parse_faults(text, LAYOUT)
    for fault in faults:
        if fault.where == "sink":
            raise InputError(
                f"{fault.kind} is a fault of subscribers and recordings, not of played streams: use it with `emgtype "
                "faults SESSION`"
            )
    return faults


def _plans(plan: "Plan", sessions: int | None) -> list["Plan"]:
    """Return one plan per session, each with the next donning; None: one session, whose path is the plan's."""
    if sessions is None:
        return [plan]
    plan.path.mkdir(parents=True, exist_ok=True)
    return [
        replace(plan, path=plan.path / f"person{plan.person}-{donning}.hdf5", donning=donning)
        for donning in range(plan.donning, plan.donning + sessions)
    ]


def _write(plans: Sequence["Plan"]) -> None:
    from emgtype.datasets.simulated import planned, write_session

    with Progress(transient=True) as progress:
        task = progress.add_task("simulating", total=60 * sum(plan.minutes for plan in plans))
        for plan in plans:
            typed = planned(plan)
            write_session(plan.path, typed, advance=lambda seconds: progress.advance(task, seconds))
            progress.console.print(
                f"{plan.path}: {len(typed.keystrokes)} keys in {typed.duration:.0f} s", highlight=False
            )


def _write_people(plans: "list[Plan]", out: Path, jobs: int | None) -> None:
    from emgtype.datasets.simulated import write_population

    out.mkdir(parents=True, exist_ok=True)
    with Progress(transient=True) as progress:
        done = progress.track(write_population(plans, jobs), total=len(plans), description="simulating")
        entries = {plan.path: read_entry(plan.path) for plan in done}
    write_metadata(out, [entries[plan.path] for plan in plans])
    click.echo(f"{out}: {len(plans)} sessions, {sum(e.duration_mins for e in entries.values()) / 60:.1f} h")


def _range(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        return range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise InputError(f"--people is {text!r}: expected a range of seeds such as 100-139, or one seed") from None


def _notify(sentence: str) -> None:
    click.echo(sentence, err=True)
