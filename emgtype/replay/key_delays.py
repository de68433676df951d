"""Measure the delays from key press to shown and to final key, for every rightly decoded key."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from decoder.metrics import matches
from messages.text import TextEvent


@dataclass(slots=True)
class ShownKeys:
    """The decoded keys, and when each was shown and became final. Grows with the text: for sessions, not for days."""

    labels: list[int] = field(default_factory=list)
    """Labels of the keys that stand now."""
    shown: list[float] = field(default_factory=list)
    """Time at which the surviving version of each key appeared, in seconds."""
    final: list[float] = field(default_factory=list)
    """Time at which each key became final, in seconds; shorter than `labels` by the tail."""
    erased: int = 0
    """Count of the keys taken back."""

    def push(self, event: TextEvent, lateness: float = 0.0) -> None:
        """Apply an edit that reached its reader `lateness` seconds after the newest sample behind it."""
        self.apply(event.erase, [key.label for key in event.insert], event.tail, event.time + lateness)

    def apply(self, erase: int, insert: Sequence[int], tail: int, now: float) -> None:
        """Apply an edit, given as the fields of a TextEvent, that reached its reader at `now` s."""
        if erase:
            del self.labels[-erase:], self.shown[-erase:]
            self.erased += erase
        self.labels += insert
        self.shown += [now] * len(insert)
        self.final += [now] * (len(self.labels) - tail - len(self.final))


@dataclass(frozen=True, slots=True)
class KeyDelays:
    """Delays in seconds after the press of every rightly decoded key, in order."""

    shown: npt.NDArray[np.float64]
    final: npt.NDArray[np.float64]


def key_delays(presses: Sequence[float], truth: Sequence[int], keys: ShownKeys) -> KeyDelays:
    """Return the delays of the keys that a minimal edit path from `truth` to the decoded keys leaves unchanged.

    Args:
        presses: Press times of `truth` in seconds, on the clock of the events.
        truth: Labels of the keys typed.
        keys: The decoded keys, all of them final.
    """
    pairs = matches(keys.labels, truth)
    pressed = np.array([presses[a] for a, _ in pairs])
    return KeyDelays(
        shown=np.array([keys.shown[b] for _, b in pairs]) - pressed,
        final=np.array([keys.final[b] for _, b in pairs]) - pressed,
    )
