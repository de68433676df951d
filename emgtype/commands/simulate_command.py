"""`emgtype simulate`: session files of the exact format, or live LSL streams."""

from collections.abc import Iterator
from pathlib import Path

import click
from rich.progress import Progress

from adapters.session_reader import SessionReader
from decoder.errors import InputError
from emgtype.commands.options import PATH
from emgtype.player import play
from emgtype.simulated import write_session
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.session import typing_session
from streamer.chunk import Chunk

_DAY = 1_700_000_000.0  # unix seconds: simulated sessions lie on fixed days, so that a seed gives the same file
_BETWEEN = 100_000.0


@click.command(epilog="Example: emgtype simulate --person 1 --donning 7 --minutes 2 --out session.hdf5")
@click.option("--person", default=1, show_default=True, help="Seed of the person: anatomy, strength, habits.")
@click.option(
    "--donning", default=1, show_default=True, help="Seed of how the bands sit, and of all chance in the session."
)
@click.option(
    "--minutes", default=1.0, show_default=True, type=click.FloatRange(0.2, 600), help="Typing time of a session."
)
@click.option("--text", default="demo", show_default=True, help="What is typed: a text file, or demo, train, test, lm.")
@click.option("--out", type=PATH, help="Session file to write; with --sessions, the folder.")
@click.option("--sessions", type=click.IntRange(1), help="Write so many sessions, each with the next donning.")
@click.option("--play", "session", type=PATH, help="Play this recorded session instead of a simulated one.")
@click.option("--stream", metavar="NAME", help="Play as one LSL stream with both bands.")
@click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Play as two LSL streams, one a band.")
@click.option("--sample-numbers", is_flag=True, help="Add a channel that counts samples, so that a lost one shows.")
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for somebody to listen before playing.")
def command(
    person: int,
    donning: int,
    minutes: float,
    text: str,
    out: Path | None,
    sessions: int | None,
    session: Path | None,
    stream: str | None,
    bands: tuple[str, str] | None,
    sample_numbers: bool,
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
        _write(out, sessions, person, donning, minutes, text)
        return

    def chunks() -> Iterator[Chunk]:
        if session is None:
            yield from typing_session(make_person(person), donning, load_text(text), minutes * 60, _DAY).chunks()
            return
        with SessionReader(session) as recorded:
            yield from recorded.chunks()

    play(chunks(), [stream] if stream else list(bands or ()), sample_numbers=sample_numbers, wait=wait, tell=_tell)


def _write(out: Path, sessions: int | None, person: int, donning: int, minutes: float, text: str) -> None:
    paragraphs, somebody = load_text(text), make_person(person)
    if sessions is None:
        targets = [(donning, out)]
    else:
        out.mkdir(parents=True, exist_ok=True)
        targets = [(donning + i, out / f"person{person}-{donning + i}.hdf5") for i in range(sessions)]
    with Progress(transient=True) as progress:
        task = progress.add_task("simulating", total=len(targets) * minutes * 60)
        for seed, path in targets:
            typed = typing_session(somebody, seed, paragraphs, minutes * 60, _DAY + seed * _BETWEEN)
            write_session(path, typed, advance=lambda seconds: progress.advance(task, seconds))
            progress.console.print(f"{path}: {len(typed.keystrokes)} keys in {typed.duration:.0f} s", highlight=False)


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)
