"""Cut emissions into passages where typing pauses, for decoders that need a whole passage at once.

Input: frames of log-probabilities, in pieces of any size. State: the rows of the passage so far, the last few rows
before it, and the time of the last key. Each frame is classed by itself, so that cuts of the emissions do not matter:

- A key is detected in a frame whose blank is less likely than 0.5. The first one opens a passage, which begins eight
  frames earlier, since a key begins faintly.
- A passage ends after `pause` seconds without a key; or after `longest` seconds, between a space or enter and the next
  key; or after twice as long, wherever it stands.
- Of a run of frames whose blank is likelier than 0.999 the first is kept: the others say nothing.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from messages.charset import BLANK, ENTER, LABELS, SPACE
from messages.emission import Emission
from messages.signal import F32

_KEY_BELOW = np.log(0.5)
"""Log-probability of the blank below which a frame holds a key."""
_SILENT_ABOVE = np.log(0.999)
"""Log-probability of the blank above which a frame says nothing."""
_LEAD = 8
"""Frames before the first key that belong to its passage."""
_SEPARATORS = (LABELS[SPACE], LABELS[ENTER])


@dataclass(frozen=True, slots=True)
class Passage:
    """The frames of what was typed between two pauses."""

    log_probs: F32
    """(F, classes), natural log; of each run of silent frames the first alone."""
    start: float
    """Seconds: time of the first frame that holds a key."""
    end: float
    """Seconds: time of the last frame that holds a key."""


class PassageCutter:
    """Takes emissions and returns passages; the rules stand in the docstring of the module."""

    def __init__(self, pause: float, longest: float) -> None:
        """Set the lengths.

        Args:
            pause: Seconds without a key after which a passage ends.
            longest: Seconds after which a passage ends at the next space or enter; after twice as long it ends anyway.
        """
        self._pause = pause
        self._longest = longest
        self._before: deque[F32] = deque(maxlen=_LEAD)
        self._rows: list[F32] = []
        self.reset()

    def reset(self) -> None:
        """Forget the frames that have not become a passage."""
        self._before.clear()
        self._rows.clear()
        self._start = self._last = -np.inf
        # Whether the newest key was a space or an enter.
        self._separated = False

    def push(self, emission: Emission) -> list[Passage]:
        """Return the passages that ended within these frames."""
        passages = []
        has_key = emission.log_probs[:, BLANK] < _KEY_BELOW
        for row, time, is_key in zip(emission.log_probs, emission.times.tolist(), has_key.tolist(), strict=True):
            if self._rows and self._ends(time, is_key):
                passages += self.finish()
            if is_key:
                if not self._rows:
                    self._start = time
                    self._rows += self._before
                    self._before.clear()
                self._last, self._separated = time, int(row.argmax()) in _SEPARATORS
            if not self._rows and not is_key:
                # A copy, so that a row does not keep the memory of the whole emission.
                self._before.append(row.copy())
            elif not (row[BLANK] > _SILENT_ABOVE and self._rows and self._rows[-1][BLANK] > _SILENT_ABOVE):
                self._rows.append(row.copy())
        return passages

    def _ends(self, time: float, is_key: bool) -> bool:
        length = time - self._start
        between = self._separated and not is_key
        return time - self._last > self._pause or length > (self._longest if between else 2 * self._longest)

    def finish(self) -> list[Passage]:
        """Return the passage under way, if there is one; afterwards the cutter is as after `reset`."""
        passages = [Passage(np.stack(self._rows), self._start, self._last)] if self._rows else []
        self.reset()
        return passages
