"""Sentences: text between two pauses, read once more at word level."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a sentence at word level."""

    text: str
    """The text after all ⌫, with one space between words."""
    score: float
    """Score by which readings are ranked: acoustic and word model together, in nats."""
    acoustic: float
    """Natural log of the probability that the decoder summed over its alignments."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The keys between two pauses, read once more at word level. It is text to show: nothing acts on it."""

    readings: tuple[Reading, ...]
    """Readings, the best one first; at least one."""
    start: float
    """Seconds: the frame of the first key."""
    end: float
    """Seconds: the frame of the last key."""
