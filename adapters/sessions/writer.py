"""Writes session files of the exact format, so that no appended sample is ever lost."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import h5py
import numpy as np

from adapters.files.closing import Closing
from adapters.files.private import open_private, require_space
from adapters.sessions import format as form
from adapters.sessions.truth import SessionTruth
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import ON_KEYBOARD, Keystroke, Prompt

_ROWS = 2000
"""Number of rows per block of the growing dataset, and between two flushes: a second."""
_SPARE = 16 * 2**20
"""Bytes that must stay free to close the file: HDF5 breaks a file that a full disk stops in the middle of a write."""


class SessionWriter(Closing):
    """A new session file that grows with every chunk. Use it in a `with`: however that ends, the file is complete.

    Only its owner can read the file, since it holds typed text.

    Args:
        path: The new file; its stem is the session's name.
        user: Name of the recorded person; a string, since leading zeros occur.
        condition: Source of the truth: key presses of a keyboard, or prompts.
        overwrite: True if an existing file may be replaced.
        origin: Attributes of the file itself, beside emg2qwerty's group: the origin of a recording that is not a
            person's.

    Raises:
        InputError: The file exists, or cannot be made.
    """

    def __init__(
        self,
        path: Path,
        user: str,
        condition: str = ON_KEYBOARD,
        *,
        overwrite: bool = False,
        origin: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.keystrokes: Iterable[Keystroke] = ()
        """Key presses; written when the file is closed."""
        self.prompts: Iterable[Prompt] = ()
        """Prompts; written when the file is closed."""
        self._user = user
        self._condition = condition
        try:
            os.close(open_private(path, new=not overwrite))
            self._file = h5py.File(path, "w")
        except FileExistsError:
            raise InputError(f"{path} exists already: name a new file, or remove that one") from None
        except OSError as error:
            raise InputError(f"cannot write {path}: {error}; name a place that can be written") from None
        self._file.attrs.update(origin or {})
        self._group = self._file.create_group(form.GROUP)
        self._series = self._group.create_dataset(form.SERIES, (0,), form.RECORD, maxshape=(None,), chunks=(_ROWS,))
        self._flushed = 0
        # Seconds: the times of the first and of the last sample.
        self._first: float | None = None
        self._last = 0.0
        self._write_attributes()

    def append(self, chunk: Chunk) -> None:
        """Add samples.

        Raises:
            ValueError: The chunk has another layout than a session file; convert it first.
            InputError: The disk is nearly full. All samples that were appended before stay, and the file can be closed.
        """
        if chunk.layout != form.LAYOUT:
            raise ValueError(f"a session file holds {form.LAYOUT}, not {chunk.layout}")
        if not len(chunk.times):
            return
        if len(self._series) == self._flushed:
            require_space(self.path, _SPARE + max(len(chunk.times), _ROWS) * form.RECORD.itemsize)
        rows = np.empty(len(chunk.times), form.RECORD)
        rows[form.TIME] = chunk.times
        for band, side in enumerate(form.LAYOUT.sides):
            rows[form.FIELDS[side]] = chunk.samples[:, band]
        size = len(self._series)
        self._series.resize(size + len(rows), axis=0)
        self._series[size:] = rows
        self._first = float(chunk.times[0]) if self._first is None else self._first
        self._last = float(chunk.times[-1])
        if size + len(rows) - self._flushed >= _ROWS:
            self._file.flush()
            self._flushed = size + len(rows)

    def close(self) -> None:
        """Write key presses and prompts, and close the file."""
        if self._file:
            try:
                self._write_attributes()
            finally:
                self._file.close()

    def _write_attributes(self) -> None:
        attributes = self._group.attrs
        attributes[form.NAME] = self.path.stem
        attributes[form.USER] = self._user
        attributes[form.CONDITION] = self._condition
        attributes[form.MINUTES] = (self._last - (self._first or 0.0)) / 60
        SessionTruth(tuple(self.keystrokes), tuple(self.prompts)).write(attributes)
