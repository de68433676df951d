"""The keys that edits add up to, and the text that they make.

The daemon has code of its own for this (messages/text.py): both follow docs/protocol.md, and check each other.
"""

from collections.abc import Iterable

KEPT = 10_000
"""Number of final keys that are held, the newest."""


class Text:
    """One person's newest text.

    Args:
        run: Name of the run of the daemon.
        keys: The keys so far, a character each.
        tail: Number of last keys that may still change.
        following: Number of the next edit.
    """

    def __init__(self, run: str, keys: str, tail: int, following: int) -> None:
        self.run = run
        """Name of the run of the daemon."""
        self.next = following
        """Number of the next edit."""
        self.keys = list(keys)
        """The typed keys, a character each, ⌫, ⏎ and ⇧ included."""
        self.tail = tail
        """Number of last keys that may still change."""

    def apply(self, erase: int, insert: Iterable[str], tail: int) -> None:
        """Apply the next edit: take back `erase` keys, append `insert`; the last `tail` keys may still change."""
        del self.keys[max(0, len(self.keys) - erase) :]
        self.keys += insert
        self.tail = tail
        del self.keys[: max(0, len(self.keys) - tail - KEPT)]
        self.next += 1

    @property
    def final(self) -> str:
        """The text of the final keys."""
        return render(self.keys[: max(0, len(self.keys) - self.tail)])

    def __str__(self) -> str:
        return render(self.keys)


def render(keys: Iterable[str]) -> str:
    """Return the text of keys: ⌫ removes the last character, ⏎ breaks the line, ⇧ shows nothing."""
    text: list[str] = []
    for key in keys:
        if key == "⌫":
            del text[-1:]
        elif key != "⇧":
            text.append("\n" if key == "⏎" else key)
    return "".join(text)
