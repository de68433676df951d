"""Key presses and prompts of a session: as lines that are appended one by one, and as attributes of the file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py

from adapters.sessions import format as form
from messages.typed import Keystroke, Prompt


@dataclass(frozen=True, slots=True)
class SessionTruth:
    """The typed keys, and the texts that were shown to be typed."""

    keystrokes: tuple[Keystroke, ...] = ()
    """Key presses, in order."""
    prompts: tuple[Prompt, ...] = ()
    """Prompts, in order."""

    def write(self, attributes: Any) -> None:
        """Write both as attributes of a session's group.

        Args:
            attributes: The h5py.AttributeManager of the group.
        """
        # Of variable length: a text of fixed length would break HDF5's limit of 64 KiB for a header.
        text = h5py.string_dtype("utf-8")
        attributes.create(form.KEYSTROKES, form.keystrokes_to_json(self.keystrokes), dtype=text)
        attributes.create(form.PROMPTS, form.prompts_to_json(self.prompts), dtype=text)


def entry_line(entry: Keystroke | Prompt) -> bytes:
    """Return the line for a key press or a prompt."""
    return json.dumps(asdict(entry)).encode() + b"\n"


def read_entry(line: bytes | str) -> Keystroke | Prompt | None:
    """Return the entry of a line; None if the line is torn, or is no key press or prompt."""
    try:
        entry = json.loads(line)
        start, end = float(entry["start"]), float(entry["end"])
        return Keystroke(str(entry["key"]), start, end) if "key" in entry else Prompt(str(entry["text"]), start, end)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def read_truth(path: Path) -> SessionTruth:
    """Return the entries of the lines, by time.

    A later line about the same key press or prompt replaces the earlier one. A torn line is passed over, and a missing
    file holds no entries.
    """
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
