"""Key presses of a session on the axis of its samples."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from messages.signal import F64
from messages.typed import Keystroke


def presses_in_samples(keystrokes: Sequence[Keystroke], times: F64) -> tuple[F64, npt.NDArray[np.int64]]:
    """Return the (L,) presses in samples, fractional, in the order of their times, and their (L,) labels.

    Time stamps are not uniform: a press lies where its time falls among the stamps; outside them it is infinite. Keys
    without a label are left out.

    Args:
        keystrokes: Key presses of a session.
        times: (T,) times of its samples, in seconds.
    """
    keys = sorted((k.start, k.label) for k in keystrokes if k.label is not None)
    starts, labels = [start for start, _ in keys], [label for _, label in keys]
    presses = np.interp(starts, times, np.arange(len(times)), left=-np.inf, right=np.inf)
    return presses, np.array(labels, dtype=np.int64)
