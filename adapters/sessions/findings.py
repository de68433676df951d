"""Findings of a check of session files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""error: unreadable, or misread. warning: readable, but not as it should be. note: legal, worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One irregularity of a session file."""

    severity: Severity
    """How bad it is."""
    check: str
    """The check in one word, for programs: "stamps-fall", "dead-electrode", ..."""
    message: str
    """One sentence: what, how much, and where first."""


def error(check: str, message: str) -> Finding:
    """Return a finding that makes the file unusable, or its numbers wrong."""
    return Finding("error", check, message)


def warning(check: str, message: str) -> Finding:
    """Return a finding that costs accuracy or hides something."""
    return Finding("warning", check, message)


def note(check: str, message: str) -> Finding:
    """Return a finding that is legal."""
    return Finding("note", check, message)


def some(names: Sequence[object], most: int = 5) -> str:
    """Return the first names of many as text, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
