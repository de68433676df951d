"""Sentences: text between two pauses, read once more at word level."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a sentence at word level."""

    text: str
    """The text after ⌫ has been applied, with one space between two words."""
    score: float
    """Nats, acoustic and word model together: readings are ranked by it."""
    acoustic: float
    """Natural logarithm of the summed probability of all alignments."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Text typed between two pauses, decoded once more at word level. It holds no keys: nothing acts on it."""

    readings: tuple[Reading, ...]
    """Best first, at least one."""
    start: float
    """Seconds: the first frame with a key."""
    end: float
    """Seconds: the last frame with a key."""
