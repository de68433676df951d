"""Sentences: text between two pauses, read once more at word level."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a sentence at word level."""

    text: str
    """As it stands there once ⌫ has been applied; what parts words is one space."""
    score: float
    """What readings are ranked by: acoustic and word model together, nats."""
    acoustic: float
    """Natural log of the probability that the decoder summed of its alignments."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was typed between two pauses, read once more at word level. Never keys: nothing acts on it."""

    readings: tuple[Reading, ...]
    """Best first, at least one."""
    start: float
    """Seconds: the first frame in which a key was heard."""
    end: float
    """Seconds: the last one."""
