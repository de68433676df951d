"""From true key press to shown and to final character: which decoded key answers which press, and how late it came."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from decoder.metrics import matches
from messages.text import TextEvent


@dataclass(slots=True)
class ShownKeys:
    """What was shown when. Grows with the text: for a session that is measured, not for days."""

    labels: list[int] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    """Seconds: when the surviving version of each key appeared."""
    final: list[float] = field(default_factory=list)
    """Seconds: when each key became final; shorter than `labels` by the tail."""
    erased: int = 0
    """Keys taken back so far."""

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
    """Seconds from the press of every rightly decoded key, in order."""

    shown: npt.NDArray[np.float64]
    final: npt.NDArray[np.float64]


def key_delays(presses: Sequence[float], truth: Sequence[int], keys: ShownKeys) -> KeyDelays:
    """Delays of the keys that a minimal edit path from `truth` to what was decoded leaves unchanged.

    Args:
        presses: Seconds: press times of `truth`, on the clock of the events.
        truth: Labels typed.
        keys: What was shown, all of it final.
    """
    pairs = matches(keys.labels, truth)
    pressed = np.array([presses[a] for a, _ in pairs])
    return KeyDelays(
        shown=np.array([keys.shown[b] for _, b in pairs]) - pressed,
        final=np.array([keys.final[b] for _, b in pairs]) - pressed,
    )
