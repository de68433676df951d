"""Simulated sessions as files, one by one or a whole population."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from adapters.sessions.format import SIMULATOR
from adapters.sessions.writer import SessionWriter
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.population import population_hash
from simulator.session import TypingSession, typing_session
from simulator.typist import keyboard_log

DAY = 1_700_000_000.0  # unix seconds: simulated sessions lie on fixed days, so that a seed gives the same file
_BETWEEN = 100_000.0
_DONNINGS = 100  # per person of a population: nobody shares a donning with another


@dataclass(frozen=True, slots=True)
class Plan:
    """One session to simulate."""

    path: Path
    person: int
    donning: int
    minutes: float
    text: str
    unrelated: bool = False
    """Prompts of four unrelated words instead of running text."""


def write_session(path: Path, session: TypingSession, advance: Callable[[float], None] = lambda _seconds: None) -> None:
    """Write a simulated session in the exact format; key presses are stamped by the keyboard's clock, as real ones are.

    Args:
        path: New file.
        session: What to simulate.
        advance: Gets the seconds done since the last call.
    """
    origin = {SIMULATOR: json.dumps({"population": population_hash()})}
    with SessionWriter(path, user=f"{session.person.seed:08d}", origin=origin) as writer:
        writer.keystrokes = keyboard_log(session.keystrokes)
        writer.prompts = session.prompts
        for chunk in session.chunks():
            writer.append(chunk)
            advance(len(chunk.times) / chunk.layout.rate)


def planned(plan: Plan) -> TypingSession:
    """The session of a plan, before its samples are made."""
    person, start = make_person(plan.person), DAY + plan.donning * _BETWEEN
    text = load_text(plan.text)
    return typing_session(person, plan.donning, text, plan.minutes * 60, start, unrelated=plan.unrelated)


def population(
    folder: Path, people: Sequence[int], sessions: int, minutes: float, text: str, *, unrelated: bool = False
) -> list[Plan]:
    """Plans for `sessions` donnings of each person, none of which anybody else wears."""
    return [
        Plan(folder / f"person{person}-{i}.hdf5", person, person * _DONNINGS + i, minutes, text, unrelated)
        for person in people
        for i in range(sessions)
    ]


def write_population(plans: Sequence[Plan], jobs: int | None = None) -> Iterator[Plan]:
    """Write the sessions that are not there yet, on `jobs` processes (None: one a core); yields each as it is done.

    A session is written beside its name and renamed when whole, so that an interrupted run leaves no half ones.
    """
    missing = [plan for plan in plans if not plan.path.is_file()]
    yield from (plan for plan in plans if plan not in missing)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            runs = {pool.submit(_write, plan): plan for plan in missing}
            for run in as_completed(runs):
                run.result()
                yield runs[run]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _write(plan: Plan) -> None:
    half = plan.path.with_name(f".{plan.path.name}.part") / plan.path.name  # the stem is the session's name
    half.parent.mkdir(exist_ok=True)
    half.unlink(missing_ok=True)
    write_session(half, planned(plan))
    half.replace(plan.path)
    half.parent.rmdir()
