"""The session file of emg2qwerty (Sivakumar et al. 2024): names, record, layout, JSON attributes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from messages.errors import InputError
from messages.signal import Layout
from messages.typed import Keystroke, Prompt

GROUP = "emg2qwerty"
SERIES = "timeseries"
TIME = "time"
LAYOUT = Layout(rate=2000.0, unit="uV", sides=("left", "right"), electrodes=16)
"""What the recordings hold: µV, high-passed at 40 Hz by the device."""
FIELDS = {side: f"emg_{side}" for side in LAYOUT.sides}
"""Field of each band."""
RECORD = np.dtype(
    [("emg_right", "<f4", (LAYOUT.electrodes,)), (TIME, "<f8"), ("emg_left", "<f4", (LAYOUT.electrodes,))]
)
"""One sample as it lies on disk, 136 bytes. Readers go by name."""
NAME, USER, CONDITION, MINUTES = "session_name", "user", "condition", "duration_mins"
KEYSTROKES, PROMPTS = "keystrokes", "prompts"
TEXT_PROMPT = "text_prompt"
SIMULATOR = "simulator"
"""Attribute of a simulated file: JSON with the population's hash, so that no result of it passes for a real one."""
_LAST_TIME = 1e12  # seconds: nobody records in the year 33,000


def keystrokes_to_json(keystrokes: Iterable[Keystroke]) -> str:
    """The attribute's text; `ascii` is the character's code, 0 for named keys."""
    return json.dumps(
        [
            {"ascii": ord(k.key) if len(k.key) == 1 else 0, "key": k.key, "start": k.start, "end": k.end}
            for k in keystrokes
        ]
    )


def prompts_to_json(prompts: Iterable[Prompt]) -> str:
    """The attribute's text."""
    return json.dumps(
        [{"name": TEXT_PROMPT, "start": p.start, "end": p.end, "payload": {"text": p.text}} for p in prompts],
        ensure_ascii=False,
    )


def keystrokes_from_json(text: Any, path: Path) -> tuple[Keystroke, ...]:
    """Key presses of the attribute; raises InputError for broken JSON or entries without key and times."""
    entries = _entries(text, KEYSTROKES, path)
    return tuple(
        Keystroke(str(_get(e, "key", KEYSTROKES, path)), *(_time(e, at, KEYSTROKES, path) for at in ("start", "end")))
        for e in entries
    )


def prompts_from_json(text: Any, path: Path) -> tuple[Prompt, ...]:
    """Text prompts of the attribute; entries without a text (their payload may be null) are passed over."""
    prompts = []
    for e in _entries(text, PROMPTS, path):
        payload = e.get("payload")
        if isinstance(payload, Mapping) and isinstance(payload.get("text"), str):
            prompts.append(Prompt(payload["text"], *(_time(e, at, PROMPTS, path) for at in ("start", "end"))))
    return tuple(prompts)


def minutes_from(value: Any, path: Path) -> float:
    """The session's length as the attribute says it; raises InputError where that is no number."""
    if not isinstance(value, int | float):
        raise InputError(f"the attribute {MINUTES!r} of {path} is {value!r}: expected a number of minutes")
    return float(value)


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
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) < _LAST_TIME:  # NaN is not below it either
        raise InputError(f"an entry of the attribute {name!r} of {path} has {key} = {value!r}: expected unix seconds")
    return float(value)
