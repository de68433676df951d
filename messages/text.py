"""Keys, the edits that decoders make of them, and the text that they add up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from messages.charset import BACKSPACE, ENTER, KEYS, SHIFT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """One decoded key."""

    label: int
    """Index into the character set (messages.charset)."""
    time: float
    """Seconds: the time of the emission frame that the key was read from."""
    confidence: float
    """0..1: posterior of this key given what the decoder has heard so far."""


@dataclass(frozen=True, slots=True)
class TextEvent:
    """One edit of the key sequence: first take back `erase` keys, then append `insert`.

    Two backspaces, never mixed: `erase` is the decoder changing its mind; a ⌫ inside `insert` is
    a key that was typed.
    """

    erase: int
    """How many of the last keys are taken back."""
    insert: tuple[Key, ...]
    """Keys that follow then."""
    tail: int
    """How many of the last keys (after this edit) may still change; the others are final."""
    time: float
    """Seconds: the newest sample behind this event."""
    seq: int
    """Counts the events of one run from 0."""


def edit(before: Sequence[T], after: Sequence[T]) -> tuple[int, Sequence[T]]:
    """How many of the last keys of `before` to take back, and what to append then, to get `after`.

    Fewest edits at the end of a sequence: everything behind the longest common beginning.
    """
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common, after[common:]


def render(labels: Iterable[int]) -> str:
    """The text that these keys make: ⌫ removes the last character, ⏎ breaks the line, ⇧ shows nothing."""
    text: list[str] = []
    for label in labels:
        key = KEYS[label]
        if key == BACKSPACE:
            del text[-1:]
        elif key == ENTER:
            text.append("\n")
        elif key != SHIFT:
            text.append(key)
    return "".join(text)


class KeySequence:
    """The keys that a run's events add up to: final ones, and a tail that may still change."""

    def __init__(self, keep: int | None = None) -> None:
        """`keep`: how many final keys are kept, the newest; None: all."""
        self._keep = keep
        self._keys: list[Key] = []
        self._tail = 0
        self._next: int | None = None

    @property
    def final(self) -> tuple[Key, ...]:
        """Keys that will not change, oldest first."""
        return tuple(self._keys[: len(self._keys) - self._tail])

    @property
    def tail(self) -> tuple[Key, ...]:
        """Keys that may."""
        return tuple(self._keys[len(self._keys) - self._tail :])

    def push(self, event: TextEvent) -> tuple[Key, ...]:
        """Apply an edit; returns the keys that became final with it.

        Raises:
            ValueError: An event is missing before this one (by its seq), or it erases or reopens final keys; nothing
                was applied. The first event may have any number: a run can be joined late, at a moment without tail.
        """
        if self._next not in (None, event.seq):
            raise ValueError(f"event {event.seq} came where {self._next} was expected")
        final = len(self._keys) - self._tail
        after = len(self._keys) - event.erase + len(event.insert)
        if not 0 <= event.erase <= self._tail or not 0 <= event.tail <= after - final:
            raise ValueError(
                f"event {event.seq} erases {event.erase} keys and leaves a tail of {event.tail}, but only {self._tail} "
                "keys could still change"
            )
        del self._keys[len(self._keys) - event.erase :]
        self._keys += event.insert
        self._tail = event.tail
        self._next = event.seq + 1
        settled = tuple(self._keys[final : after - event.tail])
        if self._keep is not None:
            del self._keys[: max(0, after - event.tail - self._keep)]
        return settled
