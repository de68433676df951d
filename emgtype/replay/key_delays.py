"""Delays from a true key press to the shown and to the final character, for every rightly decoded key."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decoder.metrics import matches
from messages.signal import F64
from messages.text import EditableSequence, TextEvent


class ShownKeys:
    """Keys with the times at which they were shown and became final.

    It grows with the text: it is meant for a session that is measured, not for days.
    """

    def __init__(self) -> None:
        # Each key's label, and the time at which its surviving version appeared.
        self._keys = EditableSequence[tuple[int, float]]()
        self.final: list[float] = []
        """Seconds: the time at which each key became final; shorter than `labels` by the tail."""
        self.erased = 0
        """Number of keys that the decoder took back so far."""

    @property
    def labels(self) -> list[int]:
        """Labels of all keys, those that may still change last."""
        return [label for label, _ in (*self._keys.final, *self._keys.tail)]

    @property
    def shown(self) -> list[float]:
        """Seconds: the time at which the surviving version of each key appeared."""
        return [time for _, time in (*self._keys.final, *self._keys.tail)]

    def push(self, event: TextEvent, lateness: float = 0.0) -> None:
        """Apply an edit that reached its reader `lateness` seconds after the newest sample behind it."""
        self.apply(event.erase, [key.label for key in event.insert], event.tail, event.time + lateness)

    def apply(self, erase: int, insert: Sequence[int], tail: int, now: float) -> None:
        """Apply an edit, given as the fields of a TextEvent, that reached its reader at `now` s."""
        finished = self._keys.apply(erase, [(label, now) for label in insert], tail)
        self.final += [now] * len(finished)
        self.erased += erase


@dataclass(frozen=True, slots=True)
class KeyDelays:
    """Delays in seconds after the press of every rightly decoded key, in order."""

    shown: F64
    """(K,) seconds until the key was shown."""
    final: F64
    """(K,) seconds until the key was final."""


def key_delays(presses: Sequence[float], truth: Sequence[int], keys: ShownKeys) -> KeyDelays:
    """Return the delays of the keys that a minimal edit path from `truth` to the decoded keys leaves unchanged.

    Args:
        presses: Seconds: press times of `truth`, on the clock of the events.
        truth: Labels typed.
        keys: The decoded keys, all of them final.
    """
    shown = keys.shown
    pairs = matches(keys.labels, truth)
    pressed = np.array([presses[a] for a, _ in pairs])
    return KeyDelays(
        shown=np.array([shown[b] for _, b in pairs]) - pressed,
        final=np.array([keys.final[b] for _, b in pairs]) - pressed,
    )
