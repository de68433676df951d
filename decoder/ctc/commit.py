"""The commit rule: what is shown at once, what may still change, and when a key is final."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from decoder.ctc.beam import PrefixBeam
from messages.charset import IRREVERSIBLE, KEYS, LABELS
from messages.emission import Emission
from messages.errors import InputError, NoStateError
from messages.text import Key, TextEvent, edit

LAG = 0.8
"""Seconds. Revision over this span gave the lowest error rate of the lags tried; the tail is shown meanwhile."""

PATIENCE = 2.0
"""Seconds beyond the lag for which a rival may hold a key that the final text does not.

While the text may still go on, later keys speak for such rivals; kept for ever, they would add up the faint traces of
idle hours until they are typed.
"""

_IRREVERSIBLE = {LABELS[key] for key in IRREVERSIBLE}

Mode = Literal["revise", "hold"]


@dataclass(frozen=True, slots=True)
class CommitRule:
    """When a key is final, and what is told before."""

    mode: Mode = "revise"
    """revise: the best text goes out at once and is taken back while it is young; hold: only final keys go out."""
    lag: float = LAG
    """Seconds after which a key is final whatever speaks against it."""
    confidence: float = 1.0
    """Posterior of the text up to a key from which on it is final before that; 1: never."""
    caution: float = 10.0
    """How many times less doubt ⌫ and ⏎ want than others."""
    show: float = 0.0
    """Posterior that a key wants to be shown before it is final; what is shown stays while the best text holds it."""
    reject: float = 0.0
    """Posterior below which a key that becomes final is left out instead."""
    age: float = 0.03
    """Seconds that a key must be old to be final by confidence: the frames after its first may make two of it."""

    def __post_init__(self) -> None:
        if self.mode not in ("revise", "hold"):
            raise InputError(f"the commit mode is {self.mode!r}: expected revise or hold")
        shares = 0 < self.confidence <= 1 and 0 <= self.show <= 1 and 0 <= self.reject <= 1
        if not (shares and self.lag >= 0 and self.caution >= 1 and self.age >= 0):
            raise InputError(
                f"the commit rule has lag {self.lag:g}, confidence {self.confidence:g}, caution {self.caution:g}, show "
                f"{self.show:g}, reject {self.reject:g} and age {self.age:g}: expected a lag and an age from 0, a "
                "confidence above 0 to 1, a caution from 1, and shares to show and to reject from 0 to 1"
            )

    def wanted(self) -> npt.NDArray[np.float64]:
        """(keys,) posterior that a key wants to be final before the lag, by label; empty: none ever is."""
        if self.confidence == 1:
            return np.empty(0)
        dear = np.array([key in IRREVERSIBLE for key in KEYS])
        return 1 - (1 - self.confidence) / np.where(dear, self.caution, 1.0)


@dataclass(frozen=True, slots=True)
class CommitterState:
    """What a `Committer` remembers."""

    beam: bytes
    """All prefixes and their scores, as the compiled beam writes them."""
    tail: tuple[int, ...]
    """Labels of the keys that were shown last and may still change."""
    time: float
    """Seconds: the newest frame."""
    seq: int
    """Number of the next event."""
    rejected: int
    """Keys left out so far, over all resets."""


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

    @property
    def state(self) -> CommitterState:
        """All that is remembered; NoStateError with a language model whose states cannot be kept, as KenLM's."""
        beam = self._beam.state()
        if beam is None:
            raise NoStateError("KenLM numbers its states anew in every process")
        return CommitterState(beam, tuple(self._tail), self._time, self._seq, self.rejected)

    @state.setter
    def state(self, state: CommitterState) -> None:
        self._beam.restore(state.beam)
        self._tail, self._time = list(state.tail), state.time
        self._seq, self.rejected = state.seq, state.rejected

    def push(self, emission: Emission) -> list[TextEvent]:
        """Return the edit that these frames (at least one) make, if they make one."""
        rule = self._rule
        final = self._beam.commit(emission, rule.lag, PATIENCE, self._wanted, rule.age)
        self._time = float(emission.times[-1])
        if rule.mode == "hold":
            return self._event(self._kept(final), ()) if final else []
        if not final and self._beam.labels() == self._tail:
            return []
        keys = self._beam.keys()
        return self._event(self._kept(final), keys[: self._to_show(final, keys)])

    def _kept(self, final: tuple[Key, ...]) -> tuple[Key, ...]:
        """Those that are not rejected. The language model still reckons with the others: something was struck."""
        kept = tuple(key for key in final if key.confidence >= self._rule.reject)
        self.rejected += len(final) - len(kept)
        return kept

    def _to_show(self, final: tuple[Key, ...], keys: tuple[Key, ...]) -> int:
        """How many of the best text's keys are shown."""
        shown = self._tail[len(final) :] if [key.label for key in final] == self._tail[: len(final)] else []
        for count, key in enumerate(keys):
            stays = count < len(shown) and shown[count] == key.label
            shown = shown if stays else []
            if key.label in _IRREVERSIBLE or not (stays or key.confidence >= self._rule.show):
                return count
        return len(keys)

    def finish(self) -> list[TextEvent]:
        """Make all keys so far final, ranked as a text that ends here; the committer is then as after `reset`."""
        self._beam.finish()
        event = self._event(self._kept(self._beam.cut(np.inf)), ())
        self.reset()
        return event

    def _event(self, final: tuple[Key, ...], tail: tuple[Key, ...]) -> list[TextEvent]:
        keys = [*final, *tail]
        erase, labels = edit(self._tail, [key.label for key in keys])
        if not erase and not labels and len(tail) == len(self._tail):
            return []
        self._tail = [key.label for key in tail]
        self._seq += 1
        inserted = tuple(keys[len(keys) - len(labels) :])
        return [TextEvent(erase, inserted, len(tail), self._time, self._seq - 1)]
