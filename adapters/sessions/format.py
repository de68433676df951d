"""The session file of emg2qwerty (Sivakumar et al. 2024): names, record, layout, JSON attributes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from messages.errors import InputError
from messages.signal import EMG2QWERTY
from messages.typed import Keystroke, Prompt

GROUP = "emg2qwerty"
SERIES = "timeseries"
TIME = "time"
LAYOUT = EMG2QWERTY
"""Layout of the recordings: µV, high-passed at 40 Hz by the device."""
FIELDS = {side: f"emg_{side}" for side in LAYOUT.sides}
"""Name of each band's field in a record."""
RECORD = np.dtype(
    [("emg_right", "<f4", (LAYOUT.electrodes,)), (TIME, "<f8"), ("emg_left", "<f4", (LAYOUT.electrodes,))]
)
"""One sample on disk, 136 bytes. Readers find fields by name, since their order may differ."""
NAME, USER, CONDITION, MINUTES = "session_name", "user", "condition", "duration_mins"
KEYSTROKES, PROMPTS = "keystrokes", "prompts"
TEXT_PROMPT = "text_prompt"
SIMULATOR = "simulator"
"""Attribute of a simulated file: JSON with the population's hash, so that no result on it passes for a real one."""
RATE_TOLERANCE = 0.05
"""Share by which the measured rate may differ: clocks differ by much less, another device's rate by much more."""
LAST_TIME = 1e12
"""Seconds: the end of plausible times, in the year 33,000."""


def keystrokes_to_json(keystrokes: Iterable[Keystroke]) -> str:
    """Return the text of the attribute; `ascii` is the character's code, 0 for named keys."""
    return json.dumps(
        [
            {"ascii": ord(k.key) if len(k.key) == 1 else 0, "key": k.key, "start": k.start, "end": k.end}
            for k in keystrokes
        ]
    )


def prompts_to_json(prompts: Iterable[Prompt]) -> str:
    """Return the text of the attribute."""
    return json.dumps(
        [{"name": TEXT_PROMPT, "start": p.start, "end": p.end, "payload": {"text": p.text}} for p in prompts],
        ensure_ascii=False,
    )


def keystrokes_from_json(text: Any, path: Path) -> tuple[Keystroke, ...]:
    """Read the key presses of the attribute.

    Raises:
        InputError: The JSON is broken, or an entry has no key or no times.
    """
    entries = _entries(text, KEYSTROKES, path)
    return tuple(
        Keystroke(str(_get(e, "key", KEYSTROKES, path)), *(_time(e, at, KEYSTROKES, path) for at in ("start", "end")))
        for e in entries
    )


def prompts_from_json(text: Any, path: Path) -> tuple[Prompt, ...]:
    """Read the text prompts of the attribute; entries without a text (their payload may be null) are passed over.

    Raises:
        InputError: The JSON is broken, or an entry has no times.
    """
    prompts = []
    for e in _entries(text, PROMPTS, path):
        payload = e.get("payload")
        if isinstance(payload, Mapping) and isinstance(payload.get("text"), str):
            prompts.append(Prompt(payload["text"], *(_time(e, at, PROMPTS, path) for at in ("start", "end"))))
    return tuple(prompts)


def minutes_from(value: Any, path: Path) -> float:
    """Return the session's length in minutes; raise InputError if the attribute is no number."""
    if not isinstance(value, int | float):
        raise InputError(f"the attribute {MINUTES!r} of {path} is {value!r}: expected a number of minutes")
    return float(value)


def is_time(value: Any) -> bool:
    """Return whether a value of the JSON is a plausible time in unix seconds; NaN and infinity are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LAST_TIME


def _entries(text: Any, name: str, path: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"the attribute {name!r} of {path} is broken JSON: {error}; restore the file") from None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise InputError(f"the attribute {name!r} of {path} is no list of objects: expected what emg2qwerty writes")
    return entries


def _get(entry: Mapping[str, Any], key: str, name: str, path: Path) -> Any:
    if key not in entry:
        raise InputError(f"an entry of the attribute {name!r} of {path} lacks {key!r}: found {', '.join(entry)}")
    return entry[key]


def _time(entry: Mapping[str, Any], key: str, name: str, path: Path) -> float:
    value = _get(entry, key, name, path)
    if not is_time(value):
        raise InputError(f"an entry of the attribute {name!r} of {path} has {key} = {value!r}: expected unix seconds")
    return float(value)
