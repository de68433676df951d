"""Write simulated sessions as files, singly or for a whole population."""

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

DAY = 1_700_000_000.0
"""Unix time of donning 0: simulated sessions lie on fixed days, so that a seed always gives the same file."""
_BETWEEN_S = 100_000.0
"""Seconds from donning to donning."""
_DONNINGS = 100
"""Donnings reserved for each person of a population, so that no two people share one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A session to simulate."""

    path: Path
    person: int
    donning: int
    minutes: float
    text: str
    unrelated: bool = False
    """Prompts of four unrelated words instead of running text."""


def write_session(path: Path, session: TypingSession, advance: Callable[[float], None] = lambda _seconds: None) -> None:
    """Write a simulated session as a session file; the keyboard's clock stamps the presses, as in a real one.

    Args:
        path: New file.
        session: The session to simulate.
        advance: Gets the seconds of signal done since the last call.
    """
    origin = {SIMULATOR: json.dumps({"population": population_hash()})}
    with SessionWriter(path, user=f"{session.person.seed:08d}", origin=origin) as writer:
        writer.keystrokes = keyboard_log(session.keystrokes)
        writer.prompts = session.prompts
        for chunk in session.chunks():
            writer.append(chunk)
            advance(len(chunk.times) / chunk.layout.rate)


def planned(plan: Plan) -> TypingSession:
    """Return the session of a plan; its samples are made when its chunks are read."""
    person, start = make_person(plan.person), DAY + plan.donning * _BETWEEN_S
    text = load_text(plan.text)
    return typing_session(person, plan.donning, text, plan.minutes * 60, start, unrelated=plan.unrelated)


def population(
    folder: Path, people: Sequence[int], sessions: int, minutes: float, text: str, *, unrelated: bool = False
) -> list[Plan]:
    """Return plans for `sessions` donnings of each person; no two people share a donning."""
    return [
        Plan(folder / f"person{person}-{i}.hdf5", person, person * _DONNINGS + i, minutes, text, unrelated)
        for person in people
        for i in range(sessions)
    ]


def write_population(plans: Sequence[Plan], jobs: int | None = None) -> Iterator[Plan]:
    """Write the sessions whose files are missing on `jobs` processes (None: one per core); yield each plan once done.

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
    # In a folder, since the stem of the file is the session's name.
    half = plan.path.with_name(f".{plan.path.name}.part") / plan.path.name
    half.parent.mkdir(exist_ok=True)
    half.unlink(missing_ok=True)
    write_session(half, planned(plan))
    half.replace(plan.path)
    half.parent.rmdir()
