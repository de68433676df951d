"""Greedy CTC decoding: the best label of every frame."""

from dataclasses import dataclass
from math import exp

from messages.charset import BLANK
from messages.emission import Emission
from messages.text import Key


@dataclass(frozen=True, slots=True)
class GreedyState:
    """What a `GreedyDecoder` remembers."""

    previous: int
    """Best class of the newest frame; the blank before the first."""


class GreedyDecoder:
    """Best path: a key wherever a frame's best class is neither the blank nor that of the frame before."""

    def __init__(self, blank: int = BLANK) -> None:
        """Decode emissions in which `blank` is the class of no key."""
        self._blank = blank
        self.reset()

    def reset(self) -> None:
        """Forget the previous frame."""
        self._previous = self._blank

    @property
    def state(self) -> GreedyState:
        """The best class of the newest frame."""
        return GreedyState(self._previous)

    @state.setter
    def state(self, state: GreedyState) -> None:
        self._previous = state.previous

    def push(self, emission: Emission) -> list[Key]:
        """Return the keys that begin in these frames, each with its label's probability there as its confidence."""
        keys = []
        labels = emission.log_probs.argmax(axis=1)
        for frame, label in enumerate(labels.tolist()):
            if label not in (self._blank, self._previous):
                # The log-probabilities, float32, may round to just above 0.
                confidence = min(1.0, exp(emission.log_probs[frame, label]))
                keys.append(Key(label, float(emission.times[frame]), confidence))
            self._previous = label
        return keys
