"""The keys that edits add up to, and the text that they make."""

from collections.abc import Iterable

KEPT = 10_000
"""Final keys that are held, the newest."""


class Text:
    """One person's newest text."""

    def __init__(self, run: str, keys: str, tail: int, following: int) -> None:
        """`run` and `following`: the daemon's, and the number of the edit that comes next; `tail`: as of an edit."""
        self.run = run
        self.next = following
        self.keys = list(keys)
        """A character each: what was typed, ⌫, ⏎ and ⇧ included."""
        self.tail = tail
        """How many of the last may still change."""

    def apply(self, erase: int, insert: Iterable[str], tail: int) -> None:
        """An edit: the next one."""
        del self.keys[max(0, len(self.keys) - erase) :]
        self.keys += insert
        self.tail = tail
        del self.keys[: max(0, len(self.keys) - tail - KEPT)]
        self.next += 1

    @property
    def final(self) -> str:
        """The text of the keys that change no more."""
        return render(self.keys[: max(0, len(self.keys) - self.tail)])

    def __str__(self) -> str:
        return render(self.keys)


def render(keys: Iterable[str]) -> str:
    """⌫ removes the last character, ⏎ breaks the line, ⇧ shows nothing."""
    text: list[str] = []
    for key in keys:
        if key == "⌫":
            del text[-1:]
        elif key != "⇧":
            text.append("\n" if key == "⏎" else key)
    return "".join(text)
