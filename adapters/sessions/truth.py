"""Key presses and prompts of a session: as lines that are appended one by one, and as the attributes of the file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py

from adapters.sessions import format as form
from messages.typed import Keystroke, Prompt


@dataclass(frozen=True, slots=True)
class SessionTruth:
    """What was typed, and what was shown to be typed."""

    keystrokes: tuple[Keystroke, ...] = ()
    prompts: tuple[Prompt, ...] = ()

    def write(self, attributes: Any) -> None:
        """As attributes of a session's group."""
        # Variable-length: as a fixed-length text it would break HDF5's 64 KiB limit of a header.
        text = h5py.string_dtype("utf-8")
        attributes.create(form.KEYSTROKES, form.keystrokes_to_json(self.keystrokes), dtype=text)
        attributes.create(form.PROMPTS, form.prompts_to_json(self.prompts), dtype=text)


def entry_line(entry: Keystroke | Prompt) -> bytes:
    """A line for one of them."""
    return json.dumps(asdict(entry)).encode() + b"\n"


def read_entry(line: bytes | str) -> Keystroke | Prompt | None:
    """What a line says; None where it is not whole, or not of this kind."""
    try:
        entry = json.loads(line)
        start, end = float(entry["start"]), float(entry["end"])
        return Keystroke(str(entry["key"]), start, end) if "key" in entry else Prompt(str(entry["text"]), start, end)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def read_truth(path: Path) -> SessionTruth:
    """What the lines say, by time; an entry that is told again stands as it was told last. A torn line is none."""
    keystrokes: dict[tuple[str, float], Keystroke] = {}
    prompts: dict[tuple[str, float], Prompt] = {}
    for line in path.read_bytes().split(b"\n") if path.is_file() else []:
        entry = read_entry(line)
        if isinstance(entry, Keystroke):
            keystrokes[entry.key, entry.start] = entry
        elif entry:
            prompts[entry.text, entry.start] = entry
    return SessionTruth(
        tuple(sorted(keystrokes.values(), key=lambda k: k.start)),
        tuple(sorted(prompts.values(), key=lambda p: p.start)),
    )
