"""A recording that survives being killed at any moment: samples and truth are only ever appended, until they are whole.

While it runs, `NAME.hdf5.part` holds a head that is reserved, and behind it the rows as a session file has them;
`NAME.hdf5.truth` holds key presses and prompts, a line of JSON each. At the end the head is filled with what makes an
HDF5 file of it, and the file gets its name (`session_repair`). Nothing here waits for a disk but `sync`.

HDF5's own answer, SWMR, allows no attributes while samples come, and a disk that is full breaks its files.
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

_SPARE = 16 * 2**20  # bytes left free for the truth and whoever else needs some
_CHECK = int(form.LAYOUT.rate)  # rows between looks at the disk


class SessionJournal(Closing):
    """A new session file that grows with every chunk. Use it in a `with`: its end makes the file whole.

    Readable by its owner alone: it holds what somebody typed.

    Args:
        path: The new file, NAME.hdf5; the name is the session's.
        user: Of the recorded person.
        condition: How the truth is known.

    Raises:
        InputError: The file exists, or cannot be made; or a recording of that name was cut off.
    """

    def __init__(self, path: Path, user: str, condition: str) -> None:
        self.path = path
        self.rows = 0
        """Samples written."""
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
                truth.unlink(missing_ok=True)  # what a recording left behind whose file is whole
                self._truth = _create(truth, os.O_APPEND)
                stack.callback(os.close, self._truth)
                stack.callback(truth.unlink)
                write_at(self._part, bytes(HEAD), 0)  # so that this room is ours however full the disk gets
                describe(self._part, {"name": path.stem, "user": user, "condition": condition})
            except OSError as error:
                raise InputError(f"cannot write {path}: {error.strerror}; name a place that can be written") from None
            stack.pop_all()

    def append(self, chunk: Chunk) -> None:
        """Add samples.

        Raises:
            ValueError: Another layout than a session file has.
            InputError: The disk is full, or nearly so; all that was appended before stays.
        """
        if chunk.layout != form.LAYOUT:
            raise ValueError(f"a session file holds {form.LAYOUT}, not {chunk.layout}")
        if self.rows - self._checked >= _CHECK:
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
        """Add a key press or a prompt; one that is the same but for its end takes the place of the one before.

        Raises:
            InputError: The disk is full.
        """
        try:
            os.write(self._truth, entry_line(entry))
        except OSError as error:
            raise self._refusal(error) from None

    def sync(self) -> None:
        """Wait until the disk has it all, so that it survives a power cut, too."""
        for descriptor in (self._part, self._truth):
            os.fsync(descriptor)

    def close(self) -> None:
        """Make the file whole.

        Raises:
            InputError: It cannot be for now, or holds no samples; nothing that was recorded is lost.
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


def _create(path: Path, how: int) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | how, 0o600)
