"""The log messages about a wearer's samples: each counter when it grows, each problem once while it lasts."""

from collections.abc import Mapping, Sequence
from typing import Any

from messages.notice import Code, Notice, sentence

_COUNTERS: tuple[Code, ...] = (
    "gaps",
    "masked",
    "stale",
    "repeated",
    "reordered",
    "recounted",
    "steps",
    "overflows",
    "back",
)
"""Counters of the status that are logged when they have grown, in this order; each is the code of its notice."""


class Notices:
    """Turns changes of the status counters into log messages, and logs each problem once while it lasts.

    Args:
        name: Of the wearer.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: dict[str, int] = {}
        self._problems: dict[tuple[Code, str], Notice] = {}

    def update(self, figures: Mapping[str, Any], problems: Sequence[Notice], frame_s: float) -> list[str]:
        """Compare with the last call and return the messages to log now.

        Args:
            figures: Of the status; a counter that it lacks, or that is None, counts as 0.
            problems: Of the source at the moment.
            frame_s: Seconds from one frame of the model to the next.
        """
        messages = [sentence(notice) for notice in self._growth(figures, frame_s)]
        current = {notice.matter: notice for notice in problems}
        messages += [sentence(notice) for matter, notice in current.items() if matter not in self._problems]
        ended = [notice for matter, notice in self._problems.items() if matter not in current]
        messages += [f"no longer: {sentence(notice)}" for notice in ended]
        self._problems = current
        return messages

    def _growth(self, figures: Mapping[str, Any], frame_s: float) -> list[Notice]:
        """Return a notice for each counter that has grown, with the difference."""
        grown = []
        for name in _COUNTERS:
            count, before = int(figures.get(name) or 0), self._counts.get(name, 0)
            if count > before:
                grown.append(Notice(name, self._name, {"count": count - before, "frame_ms": 1e3 * frame_s}))
            self._counts[name] = count
        return grown
