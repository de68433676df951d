"""The commit rule: which keys are shown at once, which may still change, and when a key is final.

Input: emissions, in pieces of any size. After each frame the beam makes keys final (decoder/native/commit.cpp):

1. every key older than the lag, by a vote of all hypotheses on the text up to then;
2. a younger key, if it has a minimum age and the posterior of the text up to it is as high as its label requires. ⌫ and
   ⏎ require more than other keys, because they cannot be taken back by typing on.

Final keys whose confidence is too low are left out (rejected). Mode `hold` shows final keys alone. Mode `revise` also
shows the younger rest of the best hypothesis as the tail, up to the first ⌫ or ⏎, which nothing shows before it is
final, and up to the first key that is too doubtful to be shown. A key that was shown stays as long as the best
hypothesis holds it.

Output: at most one event per push, the smallest edit from the keys shown before it to those shown after it. So cuts of
the emissions change how often the tail is shown, never the final keys.

State: the beam, the tail that is shown, the time of the newest frame, the number of the next event, and how many keys
were rejected.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from decoder.ctc.beam import PrefixBeam
from messages.charset import IRREVERSIBLE, KEYS, LABELS
from messages.emission import Emission
from messages.errors import NoStateError
from messages.signal import F64
from messages.tables import Range
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

    def required_posteriors(self) -> F64:
        """(keys,) posterior that a key wants to be final before the lag, by label; empty: none ever is."""
        if self.confidence == 1:
            return np.empty(0)
        dear = np.array([key in IRREVERSIBLE for key in KEYS])
        return 1 - (1 - self.confidence) / np.where(dear, self.caution, 1.0)


@dataclass(frozen=True, slots=True)
class CommitterState:
    """What a `Committer` remembers."""

    beam: bytes
    """State of the beam, as its compiled part writes it."""
    tail: tuple[int, ...]
    """Labels of the keys that are shown, but not final."""
    time: float
    """Seconds: time of the newest frame; minus infinity before the first."""
    seq: int
    """Number of the next event."""
    rejected: int
    """Keys left out so far, over all resets."""


class Committer:
    """Emissions in, edits of the key sequence out; a final key is never taken back."""

    def __init__(self, beam: PrefixBeam, rule: CommitRule | None = None) -> None:
        """Commit the keys of a beam by a rule; None: the fixed lag, revising."""
        self._beam = beam
        self._rule = rule or CommitRule()
        self._required = self._rule.required_posteriors()
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
        """Everything that the committer remembers, the beam included.

        It can be set only in one whose beam has the same settings, language model and hot words; ValueError is raised,
        and nothing changed, if the beam's state is of another one. Reading it raises NoStateError with a language model
        whose states cannot be kept (see `PrefixBeam.state`).
        """
        beam = self._beam.state
        if beam is None:
            raise NoStateError("the language model numbers its states anew in every process, as KenLM's does")
        return CommitterState(beam, tuple(self._tail), self._time, self._seq, self.rejected)

    @state.setter
    def state(self, state: CommitterState) -> None:
        self._beam.state = state.beam
        self._tail = list(state.tail)
        self._time, self._seq, self.rejected = state.time, state.seq, state.rejected

    def push(self, emission: Emission) -> list[TextEvent]:
        """Return the edit that these frames (at least one) make, if they make one."""
        rule = self._rule
        final = self._beam.commit(emission, rule.lag_s, PATIENCE, self._required, rule.min_age_s)
        self._time = float(emission.times[-1])
        if rule.mode == "hold":
            return self._event(self._without_rejected(final), ()) if final else []
        if not final and self._beam.labels() == self._tail:
            return []
        keys = self._beam.keys()
        return self._event(self._without_rejected(final), keys[: self._count_to_show(final, keys)])

    def _without_rejected(self, final: tuple[Key, ...]) -> tuple[Key, ...]:
        """Leave out, and count, the keys that are too doubtful.

        The language model still reckons with them: some key was struck.
        """
        accepted = tuple(key for key in final if key.confidence >= self._rule.reject_below)
        self.rejected += len(final) - len(accepted)
        return accepted

    def _count_to_show(self, final: tuple[Key, ...], keys: tuple[Key, ...]) -> int:
        """Return how many of the best hypothesis's keys are shown as the tail."""
        shown = self._tail[len(final) :] if [key.label for key in final] == self._tail[: len(final)] else []
        for count, key in enumerate(keys):
            stays = count < len(shown) and shown[count] == key.label
            shown = shown if stays else []
            if key.label in _IRREVERSIBLE or not (stays or key.confidence >= self._rule.show_from):
                return count
        return len(keys)

    def finish(self) -> list[TextEvent]:
        """Make all keys so far final, ranked as a text that ends here; the committer is then as after `reset`."""
        self._beam.finish()
        event = self._event(self._without_rejected(self._beam.cut(np.inf)), ())
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
