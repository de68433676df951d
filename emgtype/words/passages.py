"""Emissions cut where typing pauses, for decoders that want the whole of what was typed at once."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.charset import BLANK, ENTER, LABELS, SPACE
from messages.emission import Emission

_HEARD = np.log(0.5)  # a blank less likely than that: a key is heard
_SILENT = np.log(0.999)  # a blank likelier than that says nothing: of a run of such frames one is kept
_BEFORE = 8  # frames before the first that is heard which belong to it: a key begins faintly

_PARTING = (LABELS[SPACE], LABELS[ENTER])

Row = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Passage:
    """What was heard between two pauses."""

    log_probs: npt.NDArray[np.float32]
    """(F, classes), natural log, without the frames of silence but one of each run."""
    start: float
    """Seconds: the first frame in which a key was heard."""
    end: float
    """Seconds: the last one."""


class PassageCutter:
    """Emissions in, passages out; each frame is looked at by itself, so cuts of the emissions do not matter."""

    def __init__(self, pause: float, longest: float) -> None:
        """Set the lengths.

        Args:
            pause: Seconds without a key that end a passage.
            longest: Seconds after which it ends anyway, with the next space or enter, or after twice as much.
        """
        self._pause = pause
        self._longest = longest
        self._before: deque[Row] = deque(maxlen=_BEFORE)
        self._rows: list[Row] = []
        self.reset()

    def reset(self) -> None:
        """Forget what has not become a passage."""
        self._before.clear()
        self._rows.clear()
        self._start = self._last = -np.inf
        self._parted = False  # whether a space or an enter was heard last

    def push(self, emission: Emission) -> list[Passage]:
        """The passages that ended within these frames."""
        passages = []
        heard = emission.log_probs[:, BLANK] < _HEARD
        for row, time, is_heard in zip(emission.log_probs, emission.times.tolist(), heard.tolist(), strict=True):
            if self._rows and self._ends(time, is_heard):
                passages += self.finish()
            if is_heard:
                if not self._rows:
                    self._start = time
                    self._rows += self._before
                    self._before.clear()
                self._last, self._parted = time, int(row.argmax()) in _PARTING
            if not self._rows and not is_heard:
                self._before.append(row.copy())  # the emission's memory is not kept for the sake of a row
            elif not (row[BLANK] > _SILENT and self._rows and self._rows[-1][BLANK] > _SILENT):
                self._rows.append(row.copy())
        return passages

    def _ends(self, time: float, is_heard: bool) -> bool:
        length = time - self._start
        between = self._parted and not is_heard
        return time - self._last > self._pause or length > (self._longest if between else 2 * self._longest)

    def finish(self) -> list[Passage]:
        """What was heard since the last passage, at most one; afterwards as after `reset`."""
        passages = [Passage(np.stack(self._rows), self._start, self._last)] if self._rows else []
        self.reset()
        return passages
