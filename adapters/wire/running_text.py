"""What a person's edits read as: the text that became final with each, and the unfinished line. Pure."""

from collections.abc import Sequence

from messages.charset import BACKSPACE, ENTER, KEYS, SHIFT
from messages.text import TextEvent

LONGEST_LINE = 256
"""Characters of the unfinished line that are told, the newest."""
_KEPT = 1024  # final characters, for those that a typed ⌫ uncovers again


class RunningText:
    """Applies edits. One that takes back more than there is (messages were lost) takes back what there is."""

    def __init__(self) -> None:
        self._text = ""  # the newest final characters
        self._length = 0  # of all final text
        self._tail: list[str] = []  # keys that may still change

    def push(self, event: TextEvent) -> tuple[int, str]:
        """Apply an edit: how many characters of the final text were taken back by typed ⌫, and what followed then."""
        if event.erase:
            del self._tail[-event.erase :]
        self._tail += [KEYS[key.label] for key in event.insert]
        settled = max(0, len(self._tail) - event.tail)
        back, new = _typed(self._tail[:settled], self._length)
        del self._tail[:settled]
        self._text = (self._text[: max(0, len(self._text) - back)] + new)[-_KEPT:]
        self._length += len(new) - back
        return back, new

    def line(self) -> tuple[str, int]:
        """The unfinished line, what may still change included, and how many of its first characters are final."""
        back, new = _typed(self._tail, self._length)
        kept = self._text[: max(0, len(self._text) - back)]
        start = (kept + new).rfind("\n") + 1
        line, final = (kept + new)[start:], max(0, len(kept) - start)
        cut = max(0, len(line) - LONGEST_LINE)
        return line[cut:], max(0, final - cut)


def _typed(keys: Sequence[str], length: int) -> tuple[int, str]:
    """What keys do to a text of `length` characters: how many they take back, and what they put there then."""
    back, new = 0, list[str]()
    for key in keys:
        if key == BACKSPACE and new:
            new.pop()
        elif key == BACKSPACE:
            back = min(length, back + 1)
        elif key != SHIFT:
            new.append("\n" if key == ENTER else key)
    return back, "".join(new)
