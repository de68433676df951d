"""Keys, the edits that decoders make of them, and the text that they add up to.

Everything that follows a run of text events goes through this module: `EditableSequence` is the one place where an edit
is applied, and `type_key` is the one place where a typed ⌫ removes a character. The Python and JavaScript clients have
their own copies on purpose, as independent readers of docs/protocol.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT

T = TypeVar("T")

CHARACTERS = tuple("\n" if key == ENTER else key for key in KEYS)
"""Character that a key adds to a text, by label: a line feed for ⏎, otherwise the key itself."""
_BACKSPACE, _SHIFT = LABELS[BACKSPACE], LABELS[SHIFT]


@dataclass(frozen=True, slots=True)
class Key:
    """One decoded key."""

    label: int
    """Index into the character set (messages.charset)."""
    time: float
    """Seconds: the time of the emission frame that the key was read from."""
    confidence: float
    """Posterior of this key given what the decoder has received so far, 0 to 1."""


@dataclass(frozen=True, slots=True)
class TextEvent:
    """One edit of the key sequence: first take back `erase` keys, then append `insert`.

    Two backspaces, never mixed: `erase` is the decoder changing its mind; a ⌫ inside `insert` is
    a key that was typed.
    """

    erase: int
    """Number of keys at the end that are taken back."""
    insert: tuple[Key, ...]
    """Keys that are appended then."""
    tail: int
    """Number of keys at the end (after this edit) that may still change; all keys before them are final."""
    time: float
    """Seconds: the newest sample behind this event."""
    seq: int
    """Number of the event within its run, from 0."""


def edit(before: Sequence[T], after: Sequence[T]) -> tuple[int, Sequence[T]]:
    """Return the smallest edit that turns `before` into `after`.

    An edit changes the end alone: everything behind the longest common beginning.

    Returns:
        Number of items to take back, and the items to append then.
    """
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common, after[common:]


def type_key(text: list[T], label: int, item: T, floor: int = 0) -> bool:
    """Apply one typed key to a text that holds one item per character.

    ⌫ removes the last item, ⇧ changes nothing, and every other key appends `item`.

    Args:
        text: The text; it is changed in place.
        label: The typed key, as an index into the character set.
        item: The item that stands for the key's character.
        floor: Number of items at the beginning that no ⌫ may remove.

    Returns:
        False for a ⌫ that has nothing to remove, True otherwise.
    """
    if label == _BACKSPACE:
        if len(text) <= floor:
            return False
        text.pop()
    elif label != _SHIFT:
        text.append(item)
    return True


def render(labels: Iterable[int]) -> str:
    """Return the text that these keys make: ⌫ removes the last character, ⏎ breaks the line, ⇧ shows nothing."""
    text: list[str] = []
    for label in labels:
        type_key(text, label, CHARACTERS[label])
    return "".join(text)


class EditableSequence(Generic[T]):
    """The items that edits add up to: final items, and a tail that may still change.

    Args:
        keep: Number of newest final items to keep; None: all of them.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._keep = keep
        self._items: list[T] = []
        self._tail = 0

    @property
    def final(self) -> tuple[T, ...]:
        """Items that will not change, oldest first."""
        return tuple(self._items[: len(self._items) - self._tail])

    @property
    def tail(self) -> tuple[T, ...]:
        """Items that may still change, oldest first."""
        return tuple(self._items[len(self._items) - self._tail :])

    def apply(self, erase: int, insert: Iterable[T], tail: int) -> tuple[T, ...]:
        """Apply an edit, given as the fields of a TextEvent.

        An edit that does not fit, because events before it were lost, is applied as far as possible: final items stay.

        Returns:
            The items that became final with this edit.
        """
        start = len(self._items) - self._tail
        del self._items[max(start, len(self._items) - erase) :]
        self._items += insert
        end = max(start, len(self._items) - tail)
        self._tail = len(self._items) - end
        finished = tuple(self._items[start:end])
        if self._keep is not None:
            del self._items[: max(0, end - self._keep)]
        return finished


class KeySequence(EditableSequence[Key]):
    """The keys that the events of one run add up to.

    Args:
        keep: Number of newest final keys to keep; None: all of them.
    """

    def __init__(self, keep: int | None = None) -> None:
        super().__init__(keep)
        self._next_seq: int | None = None

    def push(self, event: TextEvent) -> tuple[Key, ...]:
        """Apply the next event of the run.

        The first event may have any number: a run can be joined late, at a moment without a tail.

        Returns:
            The keys that became final with this event.

        Raises:
            ValueError: An event before this one is missing (by its number), or this one erases or reopens final keys;
                nothing was applied.
        """
        if self._next_seq not in (None, event.seq):
            raise ValueError(f"event {event.seq} came where {self._next_seq} was expected")
        changeable = self._tail - event.erase + len(event.insert)
        if not 0 <= event.erase <= self._tail or not 0 <= event.tail <= changeable:
            raise ValueError(
                f"event {event.seq} erases {event.erase} keys and leaves a tail of {event.tail}, but only {self._tail} "
                "keys could still change"
            )
        self._next_seq = event.seq + 1
        return self.apply(event.erase, event.insert, event.tail)
