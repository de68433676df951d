"""Greedy CTC decoding: the best label of every frame."""

from math import exp

from messages.charset import BLANK
from messages.emission import Emission
from messages.text import Key


class GreedyDecoder:
    """Best path: a key wherever a frame's best label is neither the blank nor the previous frame's best label."""

    def __init__(self, blank: int = BLANK) -> None:
        self._blank = blank
        self.reset()

    def reset(self) -> None:
        """Forget the previous frame."""
        self._previous = self._blank

    def push(self, emission: Emission) -> list[Key]:
        """Keys that begin in these frames; each one's confidence is its label's probability in that frame."""
        keys = []
        labels = emission.log_probs.argmax(axis=1)
        for frame, label in enumerate(labels.tolist()):
            if label not in (self._blank, self._previous):
                # float32 log-probabilities round to just above 0
                confidence = min(1.0, exp(emission.log_probs[frame, label]))
                keys.append(Key(label, float(emission.times[frame]), confidence))
            self._previous = label
        return keys
