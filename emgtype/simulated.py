"""Simulated sessions as files."""

from collections.abc import Callable
from pathlib import Path

from adapters.session_writer import SessionWriter
from simulator.session import TypingSession
from simulator.typist import recorded


def write_session(path: Path, session: TypingSession, advance: Callable[[float], None] = lambda _seconds: None) -> None:
    """Write a simulated session in the exact format; key presses are stamped by the keyboard's clock, as real ones are.

    Args:
        path: New file.
        session: What to simulate.
        advance: Gets the seconds done since the last call.
    """
    with SessionWriter(path, user=f"{session.person.seed:08d}") as writer:
        writer.keystrokes = recorded(session.keystrokes)
        writer.prompts = session.prompts
        for chunk in session.chunks():
            writer.append(chunk)
            advance(len(chunk.times) / chunk.layout.rate)
