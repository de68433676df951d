"""Count time, memory and text of a soak."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decoder.metrics import CharacterErrors
from messages.charset import labels_to_text
from messages.text import Key

START = 400_000.0
"""Time of the first sample in seconds: a machine that has run for days."""


class Times:
    """The durations of hops, in memory that does not grow."""

    def __init__(self, most: int) -> None:
        self._seconds = np.empty(most)
        self.count = 0

    def push(self, seconds: float) -> None:
        """Add a duration."""
        self._seconds[self.count % len(self._seconds)] = seconds
        self.count += 1

    def take(self) -> dict[str, float]:
        """Return the median, p99 and mean in µs of the durations since the last call."""
        seconds = self._seconds[: min(self.count, len(self._seconds))]
        self.count = 0
        p50, p99 = np.percentile(1e6 * seconds, [50, 99]).tolist()
        return {"p50": p50, "p99": p99, "mean": float(1e6 * seconds.mean())}


class Repetitions:
    """Counts the final keys that differ from those of the repeat before."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._number = 0
        self._now: list[int] = []
        self._before: list[int] | None = None
        self.keys = 0
        self.repeats = 0
        """Count of the repeats compared."""
        self.other = 0
        """Count of the repeats whose text differs."""
        self.edits = 0
        """Count of the keys that differ."""

    def push(self, key: Key) -> None:
        """Add a final key."""
        self.keys += 1
        number = int((key.time - START) / self._length)
        if number != self._number:
            if self._before is not None:
                self.repeats += 1
                self.other += self._before != self._now
                self.edits += (
                    CharacterErrors.between(self._now, self._before).errors if self._before != self._now else 0
                )
            self._number, self._before, self._now = number, self._now, []
        self._now.append(key.label)


def resident() -> dict[str, float]:
    """Return the MB of this process: resident, and without pages of files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kilobytes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))}
    return {"rss": int(kilobytes["VmRSS"]) / 1024, "anonymous": int(kilobytes["RssAnon"]) / 1024}


def differences(aged: Sequence[Key], fresh: Sequence[Key], since: float) -> dict[str, Any]:
    """Compare two lists of keys from a moment (s) on."""
    one, other = ([key for key in keys if key.time > since] for keys in (aged, fresh))
    labels = [[key.label for key in keys] for keys in (one, other)]
    result: dict[str, Any] = {"keys": len(one), "edits": CharacterErrors.between(labels[1], labels[0]).errors}
    if not result["edits"]:
        result["other times"] = sum(a.time != b.time for a, b in zip(one, other, strict=True))
    if result["edits"]:
        pairs = zip(*labels, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(map(len, labels)))
        window = slice(max(0, at - 15), at + 10)
        result["first"] = {
            "after": (one[at : at + 1] or other[at : at + 1])[0].time - since,
            "aged": labels_to_text(labels[0][window]),
            "fresh": labels_to_text(labels[1][window]),
        }
    return result
