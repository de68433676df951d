"""The truth of a session: key presses and prompts, and the labels that they stand for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from messages.charset import ENTER, LABELS, key_name_to_label, text_to_labels

ON_KEYBOARD = "on_keyboard"


@dataclass(frozen=True, slots=True)
class Keystroke:
    """One press of one key."""

    key: str
    """The character, or a pynput name ("Key.space")."""
    start: float
    """Seconds: the press."""
    end: float
    """Seconds: the release."""

    @property
    def label(self) -> int | None:
        """Index into the character set; None for keys outside it (Key.tab, ...)."""
        return key_name_to_label(self.key)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text that was shown to be typed."""

    text: str
    start: float
    """Seconds: when it was shown."""
    end: float
    """Seconds: when the wearer was done."""


def prompt_labels(text: str) -> list[int]:
    """Return the labels of a prompt: cleaned, and closed with one enter."""
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
    """Return the labels typed in [start, end] s, from key presses if there was a keyboard, else from prompts."""
    if condition == ON_KEYBOARD:
        return [k.label for k in keystrokes if start <= k.start <= end and k.label is not None]
    return [label for p in prompts if start <= p.start and p.end <= end for label in prompt_labels(p.text)]
