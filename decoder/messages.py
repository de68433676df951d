"""What travels into and out of the decoder. Frozen; every field says its shape and unit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Emission:
    """Log-probabilities of consecutive frames."""

    log_probs: npt.NDArray[np.float32]
    """(F, classes), natural log; the blank is the last class."""
    times: npt.NDArray[np.float64]
    """(F,) seconds: the time of the newest sample that the frame has seen."""


@dataclass(frozen=True, slots=True)
class Key:
    """One decoded key."""

    label: int
    """Index into the character set (decoder.charset)."""
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


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of everything after the last cut."""

    labels: tuple[int, ...]
    times: tuple[float, ...]
    """Seconds: the frame in which each key was most likely emitted."""
    acoustic: float
    """Natural log of the probability of all its alignments since the reset."""
    lm: float
    """Weighted language model total, and what hot words add, since the reset, nats."""
    total: float
    """What hypotheses are ranked by: the sum of both."""


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
