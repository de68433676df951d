"""The text that a person's edits make: what becomes final with each edit, and the unfinished line. Pure."""

from collections.abc import Iterable

from messages.text import CHARACTERS, Key, KeySequence, TextEvent, type_key

LONGEST_LINE = 256
"""Number of characters of the unfinished line that are published, the newest."""
_KEPT = 1024
"""Number of final characters that are kept, since a typed ⌫ uncovers earlier ones."""


class RunningText:
    """Applies edits. After lost messages, an edit that takes back too much takes back only what may still change."""

    def __init__(self) -> None:
        self._keys = KeySequence(keep=0)
        # The newest characters of the final text, and the length of all of it.
        self._text = ""
        self._length = 0

    def push(self, event: TextEvent) -> tuple[int, str]:
        """Apply an edit.

        Returns:
            Number of characters of the final text that typed ⌫ took back, and the final text that follows then.
        """
        back, new = _typed(self._keys.apply(event.erase, event.insert, event.tail), self._length)
        self._text = (self._text[: max(0, len(self._text) - back)] + new)[-_KEPT:]
        self._length += len(new) - back
        return back, new

    def line(self) -> tuple[str, int]:
        """Return the unfinished line, including its changeable end, and the number of its first final characters."""
        back, new = _typed(self._keys.tail, self._length)
        final_text = self._text[: max(0, len(self._text) - back)]
        start = (final_text + new).rfind("\n") + 1
        line, final = (final_text + new)[start:], max(0, len(final_text) - start)
        cut = max(0, len(line) - LONGEST_LINE)
        return line[cut:], max(0, final - cut)


def _typed(keys: Iterable[Key], length: int) -> tuple[int, str]:
    """Return what keys do to a text of `length` characters: how many they take back, and what they append then."""
    back, new = 0, list[str]()
    for key in keys:
        if not type_key(new, key.label, CHARACTERS[key.label]):
            back = min(length, back + 1)
    return back, "".join(new)
