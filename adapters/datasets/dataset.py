"""A folder of sessions, listed by the metadata.csv of emg2qwerty or by the files' own attributes."""

import ast
import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from adapters.sessions.reader import SessionReader
from messages.errors import InputError
from messages.typed import ON_KEYBOARD

METADATA = "metadata.csv"
SUFFIX = ".hdf5"
_USER_DIGITS = 8
"""Number of digits of a user's name."""


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One line of metadata.csv; the fields are its columns."""

    user: str
    """Name of the person who typed: eight digits, leading zeros kept."""
    session: str
    """Name of the session; its file is `<session>.hdf5`."""
    condition: str = ON_KEYBOARD
    """Source of the truth: key presses of a keyboard, or prompts."""
    duration_mins: float = 0.0
    """Length of the recording in minutes."""
    num_keystrokes: int = 0
    """Number of key presses."""
    num_prompts: int = 0
    """Number of prompts."""
    quality_check_tags: tuple[str, ...] = ()
    """Findings of a check of the signal ("contact artifact", "high-backspaces", ...)."""


_COLUMNS = tuple(field.name for field in fields(SessionEntry))
_TAGS = _COLUMNS[-1]


class Dataset:
    """The sessions of a folder.

    Args:
        folder: The folder of the files.
        entries: One entry per session.

    Raises:
        InputError: A session occurs twice.
    """

    def __init__(self, folder: Path, entries: Iterable[SessionEntry]) -> None:
        self.folder = folder
        self.entries = tuple(entries)
        self._by_name = {entry.session: entry for entry in self.entries}
        if len(self._by_name) < len(self.entries):
            name, count = Counter(entry.session for entry in self.entries).most_common(1)[0]
            raise InputError(f"{folder} names the session {name!r} {count} times: expected each once; remove the rest")

    @property
    def users(self) -> tuple[str, ...]:
        """Names of all people who typed, in order."""
        return tuple(sorted({entry.user for entry in self.entries}))

    def sessions_of(self, user: str) -> tuple[str, ...]:
        """Return the names of a user's sessions, in order; none for an unknown user."""
        return tuple(sorted(entry.session for entry in self.entries if entry.user == user))

    def entry(self, session: str) -> SessionEntry:
        """Return the entry of a session; raise InputError for an unknown session."""
        if session not in self._by_name:
            raise InputError(f"no session {session!r} among the {len(self.entries)} of {self.folder}: name one of them")
        return self._by_name[session]

    def path(self, session: str) -> Path:
        """Return the file of a session; raise InputError for an unknown session or a missing file."""
        path = self.folder / f"{self.entry(session).session}{SUFFIX}"
        if not path.is_file():
            raise InputError(f"no file {path}, though the data set names it: fetch it, or remove its line")
        return path


def user_id(user: str) -> str:
    """Return a user's name with the leading zeros that tables and YAML lose."""
    user = user.strip()
    return user.zfill(_USER_DIGITS) if user.isdecimal() else user


def open_dataset(folder: Path) -> Dataset:
    """Open the data set in a folder: by its metadata.csv, or without one by the attributes of its session files.

    The files that metadata.csv names need not exist until they are asked for.

    Raises:
        InputError: There is no such folder or no session, a line or file is broken, or a session is named twice.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: name a folder with {METADATA} or {SUFFIX} files")
    table = folder / METADATA
    entries = _read_metadata(table) if table.is_file() else [read_entry(path) for path in session_files(folder)]
    if not entries:
        raise InputError(f"{folder} holds no session: expected {METADATA} or {SUFFIX} files; see `emgtype simulate`")
    return Dataset(folder, entries)


def session_files(folder: Path) -> list[Path]:
    """Return the session files in a folder, in the order of their names."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read_entry(path: Path) -> SessionEntry:
    """Make the line of metadata.csv for a file from its attributes; raise InputError if it is no session file."""
    with SessionReader(path) as session:
        return SessionEntry(
            user=user_id(session.user),
            session=path.stem,
            condition=session.condition,
            duration_mins=session.duration_mins,
            num_keystrokes=len(session.keystrokes),
            num_prompts=len(session.prompts),
        )


def write_metadata(folder: Path, entries: Iterable[SessionEntry]) -> None:
    """Write or replace metadata.csv; raise InputError if a session is named twice."""
    rows = Dataset(folder, entries).entries
    path = folder / METADATA
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for row in rows:
            facts = [getattr(row, column) for column in _COLUMNS if column != _TAGS]
            table.writerow([*facts, str(list(row.quality_check_tags))])
    # Renamed when it is whole, so that a reader never sees half a table, not even after a full disk.
    partial.replace(path)


def _read_metadata(path: Path) -> list[SessionEntry]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            columns = table.fieldnames or ()
            missing = [column for column in _COLUMNS if column not in columns]
            if missing:
                raise InputError(
                    f"{path} lacks the column {', '.join(missing)}: found {', '.join(columns) or 'nothing'}; restore it"
                )
            return [_entry(row, f"line {table.line_num} of {path}") for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table: {error}; expected comma-separated UTF-8 text; restore it") from None


def _entry(row: Mapping[str, str | None], place: str) -> SessionEntry:
    values = {column: row[column] for column in _COLUMNS}
    user, session, condition, minutes, keystrokes, prompts, tags = values.values()
    if not user or not session or None in values.values():
        raise InputError(f"{place} is {list(values.values())}: expected a value for each of {', '.join(_COLUMNS)}")
    if Path(session).name != session:
        raise InputError(f"{place} names the session {session!r}: expected a file name without folders")
    try:
        counts = _count(keystrokes), _count(prompts)
        return SessionEntry(user_id(user), session, str(condition), _minutes(minutes), *counts, _tags(tags))
    except (ValueError, OverflowError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError(f"{place} cannot be read: {error}; expected numbers, and a list of tags; mend it") from None


def _minutes(text: str | None) -> float:
    minutes = float(text or 0)
    if not math.isfinite(minutes):
        raise ValueError(f"the minutes are {minutes}")
    return minutes


def _count(text: str | None) -> int:
    # pandas writes counts as 12.0 if one of the column is missing.
    return int(float(text or 0))


def _tags(text: str | None) -> tuple[str, ...]:
    tags = ast.literal_eval(text or "[]")
    if not isinstance(tags, list):
        # The text is wrong, not the type of an argument.
        raise ValueError(f"the tags are {text!r}")  # noqa: TRY004
    return tuple(str(tag) for tag in tags)
