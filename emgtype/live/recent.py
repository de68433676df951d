"""The newest text, for subscribers that join late."""

from collections.abc import Mapping
from typing import Any, Protocol

from messages.charset import labels_to_text
from messages.text import KeySequence, TextEvent

KEPT = 10_000
"""Number of final keys that a late joiner can have."""


class Numbering(Protocol):
    """A publisher, as far as the numbers of its messages go."""

    @property
    def position(self) -> Mapping[str, Any]:
        """Position in the numbered messages at which a late joiner goes on."""


class Recent:
    """A sink that keeps the newest text, for subscribers that join late.

    Args:
        publisher: Knows the numbers of the next messages.
    """

    def __init__(self, publisher: Numbering) -> None:
        self._keys = KeySequence(keep=KEPT)
        self._publisher = publisher

    def push(self, event: TextEvent) -> None:
        """Apply an edit."""
        self._keys.push(event)

    def snapshot(self) -> dict[str, Any]:
        """Return the keys before the messages that come `next`; the last `tail` of them may still change."""
        final, tail = ([key.label for key in keys] for keys in (self._keys.final, self._keys.tail))
        return {"keys": labels_to_text([*final, *tail]), "tail": len(tail), **self._publisher.position}
