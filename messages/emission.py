"""Emissions: the output of an encoder for each frame."""

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
