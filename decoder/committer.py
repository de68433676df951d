"""The fixed-lag commit rule: text is shown at once and may change while it is young; older text is final."""

import numpy as np

from decoder.beam import PrefixBeam
from decoder.edits import edit
from decoder.messages import Emission, Key, TextEvent

LAG = 0.8
"""Seconds. Revision over this span gave the lowest error rate of the lags tried; the tail is shown meanwhile."""

PATIENCE = 2.0
"""Seconds beyond the lag for which a rival may hold a key that the final text does not.

While the text may still go on, later keys speak for such rivals; kept for ever, they would add up the faint traces of
idle hours until they are typed.
"""


class Committer:
    """Emissions in, edits of the key sequence out; what is final is never taken back.

    With every frame, the keys older than the lag that all hypotheses together find likeliest become final, and the beam
    is cut there; the younger rest of the best that agrees is the tail. A push gives at most one event, from the keys
    shown before it to those shown after it, so cuts of the emissions change how often the tail is told, never the final
    keys.
    """

    def __init__(self, beam: PrefixBeam, lag: float = LAG) -> None:
        """`lag` in seconds."""
        self._beam = beam
        self._lag = lag
        self._seq = 0
        self.reset()

    def reset(self) -> None:
        """Forget the past; the tail shown last stands as final. Numbering goes on: it is one run."""
        self._beam.reset()
        self._tail: list[int] = []
        self._time = -np.inf

    def push(self, emission: Emission) -> TextEvent | None:
        """The edit that these frames make; None: none."""
        final = self._beam.commit(emission, self._lag, PATIENCE)
        self._time = float(emission.times[-1])
        if not final and self._beam.labels() == self._tail:
            return None
        return self._event(final, self._beam.keys())

    def finish(self) -> TextEvent | None:
        """Make all keys so far final, ranked as a text that ends here; None: they were. Afterwards as after `reset`."""
        self._beam.finish()
        event = self._event(self._beam.cut(np.inf), ())
        self.reset()
        return event

    def _event(self, final: tuple[Key, ...], tail: tuple[Key, ...]) -> TextEvent | None:
        keys = [*final, *tail]
        erase, labels = edit(self._tail, [key.label for key in keys])
        if not erase and not labels and len(tail) == len(self._tail):
            return None
        self._tail = [key.label for key in tail]
        self._seq += 1
        inserted = tuple(keys[len(keys) - len(labels) :])
        return TextEvent(erase, inserted, len(tail), self._time, self._seq - 1)
