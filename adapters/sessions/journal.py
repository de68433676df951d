"""A recording that survives being killed at any moment: samples and truth are only appended until the end.

While it runs, `NAME.hdf5.part` holds a reserved head, and behind it the rows as a session file has them;
`NAME.hdf5.truth` holds key presses and prompts, a line of JSON each. At the end the head is filled with the structures
that make it an HDF5 file, and the file gets its name (`adapters.sessions.repair`). Nothing but `sync` waits for a disk.

HDF5's own answer, SWMR, allows no attributes while samples come, and a full disk breaks its files.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from adapters.files.closing import Closing
from adapters.files.private import require_space
from adapters.sessions import format as form
from adapters.sessions._hdf5_image import HEAD
from adapters.sessions.repair import complete, describe, lock, part_of, truth_of, write_at
from adapters.sessions.truth import entry_line
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

_SPARE = 16 * 2**20
"""Bytes that must stay free for the truth, and for other programs."""
_CHECK_ROWS = int(form.LAYOUT.rate)
"""Number of rows between two looks at the disk."""


class SessionJournal(Closing):
    """A new session file that grows with every chunk. Use it in a `with`: its end makes the file whole.

    Only its owner can read the file, since it holds typed text.

    Args:
        path: The new file, NAME.hdf5; the name is the session's.
        user: Name of the recorded person.
        condition: Source of the truth: key presses of a keyboard, or prompts.

    Raises:
        InputError: The file exists, or cannot be made; or a recording of that name was cut off.
    """

    def __init__(self, path: Path, user: str, condition: str) -> None:
        self.path = path
        """The file that this becomes."""
        self.rows = 0
        """Number of samples written."""
        part, truth = part_of(path), truth_of(path)
        if path.exists():
            raise InputError(f"{path} exists already: name a new file, or remove that one")
        if part.exists():
            raise InputError(f"{path} was cut off: run `emgtype data repair {path}`, or name a new file")
        self._checked = 0
        with ExitStack() as stack:
            try:
                require_space(path, _SPARE)
                self._part = _create(part, 0)
                stack.callback(os.close, self._part)
                stack.callback(part.unlink)
                lock(self._part, path)
                # An earlier recording of that name may have left its truth behind; its file is whole.
                truth.unlink(missing_ok=True)
                self._truth = _create(truth, os.O_APPEND)
                stack.callback(os.close, self._truth)
                stack.callback(truth.unlink)
                # Written, not skipped, so that this room is ours however full the disk gets.
                write_at(self._part, bytes(HEAD), 0)
                describe(self._part, {"name": path.stem, "user": user, "condition": condition})
            except OSError as error:
                raise InputError(f"cannot write {path}: {error.strerror}; name a place that can be written") from None
            stack.pop_all()

    def append(self, chunk: Chunk) -> None:
        """Add samples.

        Raises:
            ValueError: The chunk has another layout than a session file.
            InputError: The disk is full, or nearly so; all samples that were appended before stay.
        """
        if chunk.layout != form.LAYOUT:
            raise ValueError(f"a session file holds {form.LAYOUT}, not {chunk.layout}")
        if self.rows - self._checked >= _CHECK_ROWS:
            require_space(self.path, _SPARE)
            self._checked = self.rows
        rows = np.empty(len(chunk.times), form.RECORD)
        rows[form.TIME] = chunk.times
        for band, side in enumerate(form.LAYOUT.sides):
            rows[form.FIELDS[side]] = chunk.samples[:, band]
        try:
            write_at(self._part, rows.tobytes(), HEAD + self.rows * form.RECORD.itemsize)
        except OSError as error:
            raise self._refusal(error) from None
        self.rows += len(rows)

    def note(self, entry: Keystroke | Prompt) -> None:
        """Add a key press or a prompt; an entry that differs from an earlier one in its end alone replaces it.

        Raises:
            InputError: The disk is full.
        """
        try:
            os.write(self._truth, entry_line(entry))
        except OSError as error:
            raise self._refusal(error) from None

    def sync(self) -> None:
        """Wait until everything is on the disk, so that it survives a power cut, too."""
        for descriptor in (self._part, self._truth):
            os.fsync(descriptor)

    def close(self) -> None:
        """Make the file whole.

        Raises:
            InputError: The file cannot be made whole for now, and nothing that was recorded is lost; or it holds no
                samples, and is removed.
        """
        if self._part < 0:
            return
        try:
            complete(self._part, self.path)
        finally:
            os.close(self._truth)
            os.close(self._part)
            self._part = -1

    def _refusal(self, error: OSError) -> InputError:
        return InputError(f"{self.path} cannot be written on ({error.strerror}): the recording ends here; make room")


def _create(path: Path, flags: int) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o600)
