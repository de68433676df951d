"""Emissions: the output of an encoder for each frame."""

from dataclasses import dataclass

from messages.signal import F32, F64


@dataclass(frozen=True, slots=True)
class Emission:
    """Log-probabilities of consecutive frames."""

    log_probs: F32
    """(F, classes), natural log; the blank is the last class."""
    times: F64
    """(F,) seconds: the time of the newest sample that the frame has seen."""
