"""Write and read events.tsv of BIDS: key presses and prompts, with times exact to the last bit."""

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from messages.errors import InputError
from messages.typed import Keystroke, Prompt

KEYSTROKE, PROMPT = "keystroke", "prompt"
COLUMNS: dict[str, Any] = {
    "onset": {"Description": "Where in the recording it begins, by its samples.", "Units": "s"},
    "duration": {"Description": "A key: until the release. A prompt: until it was done.", "Units": "s"},
    "trial_type": {
        "Description": "What happened.",
        "Levels": {KEYSTROKE: "A key was pressed.", PROMPT: "A text was shown to be typed."},
    },
    "value": {
        "Description": "The key, a character or pynput's name; the prompt's text. \\xNN is the character NN (hex)."
    },
    "start": {"Description": "Unix time of the press; of the prompt.", "Units": "s"},
    "end": {"Description": "Unix time of the release; of the prompt's end.", "Units": "s"},
}
# Tabs and line ends cut a table, quotes open a cell for many readers, spaces at an edge are trimmed, n/a is nothing.
_ESCAPED = re.compile(r'[\x00-\x1f\x7f\\"]|^ | $|(?<=^n)/(?=a$)')


def write_events(
    path: Path, keystrokes: Iterable[Keystroke], prompts: Iterable[Prompt], onset: Callable[[float], float]
) -> None:
    """Write the table, sorted by onset.

    Args:
        path: New file.
        keystrokes: Key presses.
        prompts: Texts shown to be typed.
        onset: Converts unix time to seconds into the recording.
    """
    events = [(PROMPT, prompt.text, prompt.start, prompt.end) for prompt in prompts]
    events += [(KEYSTROKE, stroke.key, stroke.start, stroke.end) for stroke in keystrokes]
    rows = sorted(
        ((onset(start), kind, value, start, end) for kind, value, start, end in events), key=lambda row: row[0]
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for at, kind, value, start, end in rows:
            cells = (f"{at:.6f}", f"{max(end - start, 0):.6f}", kind, escape(value), repr(start), repr(end))
            file.write("\t".join(cells) + "\n")


def read_events(path: Path) -> tuple[list[Keystroke], list[Prompt]]:
    """Read the key presses and prompts of a table written by `write_events`; other events are ignored.

    Raises:
        InputError: There is no such file, or a row lacks a column.
    """
    keystrokes, prompts = [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["trial_type"] in (KEYSTROKE, PROMPT):
                    event = (unescape(row["value"]), float(row["start"]), float(row["end"]))
                    if row["trial_type"] == KEYSTROKE:
                        keystrokes.append(Keystroke(*event))
                    else:
                        prompts.append(Prompt(*event))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; restore the events of the recording") from None
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} has a row without {', '.join(COLUMNS)} ({error}): expected our own table") from None
    return keystrokes, prompts


def escape(text: str) -> str:
    r"""Return a text as one cell of a table: characters that would break it become \xNN."""
    return _ESCAPED.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def unescape(text: str) -> str:
    """Return the text of a cell written by `escape`."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
