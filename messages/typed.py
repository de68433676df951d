"""The truth of a session: key presses and prompts, and the labels that they stand for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from messages.charset import ENTER, LABELS, key_name_to_label, text_to_labels

ON_KEYBOARD = "on_keyboard"
"""Condition of a session whose truth are key presses; in others the truth are the prompts."""


@dataclass(frozen=True, slots=True)
class Keystroke:
    """One press of one key."""

    key: str
    """The character, or a pynput name ("Key.space")."""
    start: float
    """Seconds: the time of the press."""
    end: float
    """Seconds: the time of the release."""

    @property
    def label(self) -> int | None:
        """The key as an index into the character set; None for a key outside it (Key.tab, ...)."""
        return key_name_to_label(self.key)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text that was shown to be typed."""

    text: str
    """The text."""
    start: float
    """Seconds: the time at which it was shown."""
    end: float
    """Seconds: the time at which its typist was done."""


def prompt_labels(text: str) -> list[int]:
    """Return the labels of a prompt without blanks around it, closed with one enter."""
    labels = text_to_labels(text.strip())
    enter = LABELS[ENTER]
    return labels if labels[-1:] == [enter] else [*labels, enter]


def truth_labels(
    condition: str,
    keystrokes: Sequence[Keystroke],
    prompts: Iterable[Prompt],
    start: float = float("-inf"),
    end: float = float("inf"),
) -> list[int]:
    """Return the labels typed in [start, end] s.

    They come from the key presses if there was a keyboard, and from the prompts otherwise.
    """
    if condition == ON_KEYBOARD:
        return [k.label for k in keystrokes if start <= k.start <= end and k.label is not None]
    return [label for p in prompts if start <= p.start and p.end <= end for label in prompt_labels(p.text)]
