"""Count a data set: users, hours, speed and keys. Of each file only the attributes are read, not the samples."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adapters.datasets.dataset import Dataset
from adapters.sessions.reader import SessionReader
from messages.charset import BACKSPACE, KEYS
from messages.errors import InputError
from messages.signal import F64
from messages.typed import Keystroke, Prompt

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_MOST_FREQUENT = 12
"""Keys whose share is stated."""


def dataset_stats(dataset: Dataset, advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return the statistics, ready for JSON.

    Args:
        dataset: Sessions to count. Missing and broken files are listed under "not read" and not counted.
        advance: Called after each session.
    """
    keys: Counter[str] = Counter()
    dropped = 0
    intervals: list[F64] = []
    unread: dict[str, str] = {}
    for entry in dataset.entries:
        try:
            with SessionReader(dataset.path(entry.session)) as session:
                labels = [keystroke.label for keystroke in session.keystrokes]
                keys.update(KEYS[label] for label in labels if label is not None)
                dropped += labels.count(None)
                intervals.append(key_intervals(session.keystrokes, session.prompts))
        except InputError as refusal:
            unread[entry.session] = str(refusal)
        advance()
    typed = keys.total()
    minutes = [entry.duration_mins for entry in dataset.entries]
    speeds = [entry.num_keystrokes / entry.duration_mins for entry in dataset.entries if entry.duration_mins > 0]
    sessions = Counter(entry.user for entry in dataset.entries)
    tags = Counter(tag for entry in dataset.entries for tag in entry.quality_check_tags)
    return {
        "users": len(dataset.users),
        "sessions": len(dataset.entries),
        "sessions per user": _spread(list(sessions.values())),
        "hours": round(sum(minutes) / 60, 3),
        "session minutes": _spread(minutes),
        "keystrokes": sum(entry.num_keystrokes for entry in dataset.entries),
        "prompts": sum(entry.num_prompts for entry in dataset.entries),
        "keys per minute": _spread(speeds),
        "inter-key interval ms": _spread(1000 * np.concatenate(intervals) if intervals else []),
        "keys %": {key: round(100 * count / typed, 2) for key, count in keys.most_common(_MOST_FREQUENT)},
        "different keys": len(keys),
        "backspace %": round(100 * keys[BACKSPACE] / typed, 2) if typed else 0.0,
        "keys outside the character set": dropped,
        "conditions": dict(Counter(entry.condition for entry in dataset.entries)),
        "quality tags": dict(tags.most_common()),
        "not read": unread,
    }


def key_intervals(keystrokes: Sequence[Keystroke], prompts: Sequence[Prompt]) -> F64:
    """Return the seconds from press to press within prompts (between them people read); without prompts, all."""
    presses = np.array(sorted(keystroke.start for keystroke in keystrokes))
    if not prompts:
        return np.diff(presses)
    spans = [np.searchsorted(presses, (prompt.start, prompt.end)) for prompt in prompts]
    return np.concatenate([np.diff(presses[first:last]) for first, last in spans])


def _spread(values: Sequence[float] | F64) -> dict[str, float]:
    if not len(values):
        return {}
    points = np.percentile(values, PERCENTILES)
    return (
        {"min": round(float(np.min(values)), 2)}
        | {f"p{percentile}": round(float(point), 2) for percentile, point in zip(PERCENTILES, points, strict=True)}
        | {"max": round(float(np.max(values)), 2)}
    )
