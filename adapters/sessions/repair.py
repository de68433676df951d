"""Makes a session file of what a recording appended: at its end, or after it was cut off.

No sample is copied, so it takes neither time nor room. Every step leaves all that the next step needs, so a step that
is cut off can be done again.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from adapters.sessions import format as form
from adapters.sessions._hdf5_image import HEAD, LEAST, SPARE_HEAD, session_image, small_file
from adapters.sessions.truth import SessionTruth, read_truth
from messages.errors import InputError

SUFFIX = ".hdf5"
_PART, _TRUTH = ".part", ".truth"
_ROW = form.RECORD.itemsize
_FACTS_SIZE = 4096


def cut_off(folder: Path) -> list[Path]:
    """Return the session files of a folder whose recordings were cut off; recordings that still run do not count."""
    return [part.with_suffix("") for part in sorted(folder.glob(f"*{SUFFIX}{_PART}")) if not _is_locked(part)]


def repair(path: Path) -> int:
    """Make a recording whole that was cut off.

    Args:
        path: The session file that it was to become, or the file of its samples or of its truth.

    Returns:
        Number of samples in the file.

    Raises:
        InputError: There is nothing to repair, or it is still being written.
    """
    path = path.with_suffix("") if path.suffix in (_PART, _TRUTH) else path
    try:
        descriptor = os.open(part_of(path), os.O_RDWR)
    except FileNotFoundError:
        if path.is_file():
            raise InputError(f"{path} was not cut off: `emgtype data check` tells what is wrong with it") from None
        raise InputError(f"no recording {path} that was cut off: found no {part_of(path)}") from None
    except OSError as error:
        raise InputError(f"{part_of(path)} cannot be opened: {error.strerror}") from None
    try:
        lock(descriptor, path)
        if path.exists():
            raise InputError(
                f"{path} exists beside {part_of(path)}, from which it would be made: move one of them away"
            )
        return complete(descriptor, path)
    finally:
        os.close(descriptor)


def complete(descriptor: int, path: Path) -> int:
    """Make a session file of the appended samples, and return their number.

    Args:
        descriptor: Descriptor of the file of samples, locked.
        path: The session file.

    Raises:
        InputError: It holds no sample, and is removed; or it cannot be made whole for now.
    """
    _require_rows(descriptor, path)
    facts = _facts(descriptor, path)
    rows = facts.get("rows") or _rows(descriptor)
    try:
        if not facts.get("whole"):
            truth = read_truth(truth_of(path))
            try:
                _fill(descriptor, facts, rows, truth)
            except OSError:
                # On a disk without a free byte, HDF5's structures behind the rows must replace some of the rows.
                rows -= LEAST // 2
                if rows < LEAST:
                    raise
                _fill(descriptor, facts, rows, truth)
            os.fsync(descriptor)
            describe(descriptor, {**facts, "rows": rows, "whole": True})
        truth_of(path).unlink(missing_ok=True)
        part_of(path).rename(path)
    except OSError as error:
        raise InputError(
            f"{path} could not be made whole ({error.strerror}): make room, then run `emgtype data repair {path}`; all "
            f"that was recorded is in {part_of(path)}"
        ) from None
    return int(rows)


def _fill(descriptor: int, facts: Mapping[str, Any], rows: int, truth: SessionTruth) -> None:
    """Write HDF5's structures around the rows."""
    describe(descriptor, {**facts, "rows": rows})
    end = HEAD + rows * _ROW
    first, last = (_stamp(descriptor, row) for row in (0, rows - 1))
    attributes = {
        form.NAME: facts["name"],
        form.USER: facts["user"],
        form.CONDITION: facts["condition"],
        form.MINUTES: (last - first) / 60,
    }
    if rows < LEAST:
        # The head has room for the whole file, and HDF5 ignores the bytes behind it.
        data = np.frombuffer(os.pread(descriptor, rows * _ROW, HEAD), form.RECORD)
        write_at(descriptor, small_file(data, attributes, truth), 0)
        return
    image = session_image(rows, attributes, truth)
    os.ftruncate(descriptor, end)
    write_at(descriptor, bytes(image.tail), end)
    os.ftruncate(descriptor, image.size)
    write_at(descriptor, bytes(image.head[:SPARE_HEAD]), 0)


def _stamp(descriptor: int, row: int) -> float:
    raw = os.pread(descriptor, _ROW, HEAD + row * _ROW)
    return float(np.frombuffer(raw, form.RECORD)[form.TIME][0])


def _rows(descriptor: int) -> int:
    """Return the number of whole rows; the last row may be torn."""
    return max(0, os.fstat(descriptor).st_size - HEAD) // _ROW


def describe(descriptor: int, facts: Mapping[str, Any]) -> None:
    """Write facts about the session, in JSON, where HDF5 leaves room."""
    write_at(descriptor, (json.dumps(facts) + "\n").encode().ljust(_FACTS_SIZE), SPARE_HEAD)


def _facts(descriptor: int, path: Path) -> dict[str, Any]:
    line = os.pread(descriptor, HEAD - SPARE_HEAD, SPARE_HEAD).split(b"\n", 1)[0]
    try:
        facts = json.loads(line)
        usable = {"name", "user", "condition"} <= set(facts)
    except (ValueError, TypeError):
        usable = False
    if not usable:
        raise InputError(f"{part_of(path)} was not left behind by `emgtype record`: expected what it appends to")
    return dict(facts)


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset; raise OSError if the disk is full."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def lock(descriptor: int, path: Path) -> None:
    """Lock a file against others while it is written; the system unlocks it if the process dies.

    Raises:
        InputError: Another process holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{path} is still being written: wait for the end of the recording") from None


def _is_locked(part: Path) -> bool:
    with part.open("rb") as file:
        try:
            lock(file.fileno(), part)
        except InputError:
            return True
    return False


def _require_rows(descriptor: int, path: Path) -> None:
    """Remove a recording that holds no sample, and raise InputError."""
    if not _rows(descriptor):
        part_of(path).unlink()
        truth_of(path).unlink(missing_ok=True)
        raise InputError(f"{path} is not kept: not one sample came; check the stream and record again")


def part_of(path: Path) -> Path:
    """Return the file to which the samples of a recording are appended."""
    return path.with_name(f"{path.name}{_PART}")


def truth_of(path: Path) -> Path:
    """Return the file to which key presses and prompts of a recording are appended."""
    return path.with_name(f"{path.name}{_TRUTH}")
