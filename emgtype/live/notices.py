"""Notices about a wearer's samples as data, and the log messages that are made of them.

The loop decides and compares by a notice's code and subject; only who logs it asks for the sentence.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

_COUNTERS: Mapping[str, str] = {
    "gaps": "samples were missing for longer than 200 ms ({count} times): the text before is final, and decoding began "
    "anew",
    "masked": "samples were missing for up to 200 ms: {count} frames of {frame_ms:g} ms were masked",
    "stale": "{count} samples came too late to be decoded",
    "repeated": "{count} samples came twice or too late and were dropped",
    "reordered": "{count} samples came out of order and were put back in order",
    "recounted": "a stream began to count its samples anew ({count} times): how many it lost before is not known",
    "steps": "the time stamps stepped to another clock ({count} times)",
    "overflows": "a subscriber did not keep up ({count} times): it lost the messages that were sent while its queue "
    "was full, as their numbers show",
    "back": "a stream came back under its name ({count} times)",
}
"""Sentence about each counter of the status that has grown, in the order in which they are logged."""

_SENTENCES: Mapping[str, str] = {
    "stalled": "no samples for {seconds:g} s: the text so far is final, waiting",
    "streams-stalled": "no samples from {streams} for {seconds:g} s: the text so far is final, waiting",
    "samples-again": "samples again",
    "clench-paused": "paused by a clench",
    "clench-resumed": "resumed by a clench",
    "gone": "{reason}; their text so far is final, the others go on",
    "source-problem": "{sentence}",
    **_COUNTERS,
}
"""Sentence of each code, with the notice's values in braces."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change in how a wearer fares."""

    code: str
    """Name of the matter: a key of `_SENTENCES`."""
    subject: str
    """Name of the wearer, or what tells two notices of one code apart."""
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Figures of the sentence by name, in the unit that the name states, else in SI units; they change with time."""

    @property
    def matter(self) -> tuple[str, str]:
        """Code and subject: two notices of one matter differ in their figures alone."""
        return self.code, self.subject


def sentence(notice: Notice) -> str:
    """Return the notice in words.

    Raises:
        KeyError: The code is unknown, or a value is missing that its sentence names.
    """
    return _SENTENCES[notice.code].format(**notice.values)


class _Problematic(Protocol):
    def problems(self) -> list[str]: ...


_NUMBER = re.compile(r"[-+]?\d[\d.e+-]*")


def source_problems(source: _Problematic) -> list[Notice]:
    """Return the problems that a source has now.

    It states them as sentences; until it states notices, a sentence without its numbers tells one from another.
    """
    return [Notice("source-problem", _NUMBER.sub("#", problem), {"sentence": problem}) for problem in source.problems()]


class Notices:
    """Turns changes of the status counters into log messages, and logs each problem once while it lasts.

    Args:
        name: Of the wearer.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: dict[str, int] = {}
        self._problems: dict[tuple[str, str], Notice] = {}

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
