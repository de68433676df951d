"""What the soak keeps count of: time, memory and text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decoder.metrics import CharacterErrors
from messages.charset import labels_to_text
from messages.text import Key

START = 400_000.0
"""Seconds on the clock of the first sample: a machine that has run for days."""


class Times:
    """How long hops take, in room that does not grow."""

    def __init__(self, most: int) -> None:
        self._seconds = np.empty(most)
        self.count = 0

    def push(self, seconds: float) -> None:
        """The next one."""
        self._seconds[self.count % len(self._seconds)] = seconds
        self.count += 1

    def take(self) -> dict[str, float]:
        """Median and p99 in µs of those since it was last asked."""
        known = self._seconds[: min(self.count, len(self._seconds))]
        self.count = 0
        p50, p99 = np.percentile(1e6 * known, [50, 99]).tolist()
        return {"p50": p50, "p99": p99, "mean": float(1e6 * known.mean())}


class Repetitions:
    """Final keys, compared with those of the repeat before."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._number = 0
        self._now: list[int] = []
        self._before: list[int] | None = None
        self.keys = 0
        self.repeats = 0
        """That were compared."""
        self.other = 0
        """Those of another text."""
        self.edits = 0
        """Keys that differ in them."""

    def push(self, key: Key) -> None:
        """The next final key."""
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
    """MB of this process: now, and without what is mapped from files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kilobytes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))}
    return {"rss": int(kilobytes["VmRSS"]) / 1024, "anonymous": int(kilobytes["RssAnon"]) / 1024}


def differences(aged: Sequence[Key], fresh: Sequence[Key], since: float) -> dict[str, Any]:
    """Of the keys from a moment (s) on."""
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
