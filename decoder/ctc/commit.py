"""The commit rule: what is shown at once, what may still change, and when a key is final."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt

from decoder.ctc.beam import PrefixBeam
from messages.charset import BACKSPACE, ENTER, KEYS, LABELS
from messages.emission import Emission
from messages.tables import Range
from messages.text import Key, TextEvent, edit

LAG = 0.8
"""Seconds. Revision over this span gave the lowest error rate of the lags tried; the tail is shown meanwhile."""

PATIENCE = 2.0
"""Seconds beyond the lag for which a rival may hold a key that the final text does not.

While the text may still go on, later keys speak for such rivals; kept for ever, they would add up the faint traces of
idle hours until they are typed.
"""

DEAR = (BACKSPACE, ENTER)
"""Keys that cannot be taken back by typing on: nothing shows them before they are final."""
_DEAR = {LABELS[key] for key in DEAR}

Mode = Literal["revise", "hold"]


@dataclass(frozen=True, slots=True)
class CommitRule:
    """[decoder.commit]: when a key is final, and when it is shown before."""

    mode: Mode = "revise"
    """revise: the best text is shown at once and taken back while it is young; hold: only final keys are shown."""
    lag_s: Annotated[float, Range(0, 60)] = LAG
    """Seconds after which a key is final whatever speaks against it."""
    confidence: Annotated[float, Range(0.5, 1)] = 1.0
    """Posterior of the text up to a key from which on the key is final before the lag; 1: never."""
    caution: Annotated[float, Range(1, 1e6)] = 10.0
    """Factor by which the doubt that a final ⌫ or ⏎ may leave is smaller than that of other keys."""
    show_from: Annotated[float, Range(0, 1)] = 0.0
    """Posterior from which a key is shown before it is final; a shown key stays while the best text holds it."""
    reject_below: Annotated[float, Range(0, 1)] = 0.0
    """Posterior below which a key that becomes final is left out instead."""
    min_age_s: Annotated[float, Range(0, 60)] = 0.03
    """Seconds before which no key is final by confidence: the frames after its first may make two of it."""

    def wanted(self) -> npt.NDArray[np.float64]:
        """(keys,) posterior that a key wants to be final before the lag, by label; empty: none ever is."""
        if self.confidence == 1:
            return np.empty(0)
        dear = np.array([key in DEAR for key in KEYS])
        return 1 - (1 - self.confidence) / np.where(dear, self.caution, 1.0)


class Committer:
    """Emissions in, edits of the key sequence out; what is final is never taken back.

    With every frame, the keys older than the lag that all hypotheses together find likeliest become final, and so do
    younger ones that the hypotheses hardly doubt; the beam is cut there. To revise, the younger rest of the best that
    agrees is shown as the tail, up to the first ⌫ or ⏎, which must be final first. A push gives at most one event, from
    the keys shown before it to those shown after it, so cuts of the emissions change how often the tail is told, never
    the final keys.
    """

    def __init__(self, beam: PrefixBeam, rule: CommitRule | None = None) -> None:
        """`rule`: None: the fixed lag, revising."""
        self._beam = beam
        self._rule = rule or CommitRule()
        self._wanted = self._rule.wanted()
        self._seq = 0
        self.rejected = 0
        """Keys left out so far, over all resets."""
        self.reset()

    def reset(self) -> None:
        """Forget the past; the tail shown last stands as final. Numbering goes on: it is one run."""
        self._beam.reset()
        self._tail: list[int] = []
        self._time = -np.inf

    def push(self, emission: Emission) -> TextEvent | None:
        """The edit that these frames make; None: none."""
        rule = self._rule
        final = self._beam.commit(emission, rule.lag_s, PATIENCE, self._wanted, rule.min_age_s)
        self._time = float(emission.times[-1])
        if rule.mode == "hold":
            return self._event(self._kept(final), ()) if final else None
        if not final and self._beam.labels() == self._tail:
            return None
        keys = self._beam.keys()
        return self._event(self._kept(final), keys[: self._to_show(final, keys)])

    def _kept(self, final: tuple[Key, ...]) -> tuple[Key, ...]:
        """Those that are not rejected. The language model still reckons with the others: something was struck."""
        kept = tuple(key for key in final if key.confidence >= self._rule.reject_below)
        self.rejected += len(final) - len(kept)
        return kept

    def _to_show(self, final: tuple[Key, ...], keys: tuple[Key, ...]) -> int:
        """How many of the best text's keys are shown."""
        shown = self._tail[len(final) :] if [key.label for key in final] == self._tail[: len(final)] else []
        for count, key in enumerate(keys):
            stays = count < len(shown) and shown[count] == key.label
            shown = shown if stays else []
            if key.label in _DEAR or not (stays or key.confidence >= self._rule.show_from):
                return count
        return len(keys)

    def finish(self) -> TextEvent | None:
        """Make all keys so far final, ranked as a text that ends here; None: they were. Afterwards as after `reset`."""
        self._beam.finish()
        event = self._event(self._kept(self._beam.cut(np.inf)), ())
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
