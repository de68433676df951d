"""Files that hold typed text, a signal or a secret: readable by their owner alone, and never cut off by a full disk."""

import os
import shutil
import stat
from pathlib import Path

from messages.errors import InputError


def open_private(path: Path, *, new: bool) -> int:
    """Open an empty file for writing that only its owner can read, from the first moment on.

    Args:
        path: The file.
        new: True if the file must not exist yet; otherwise an existing file is emptied, and closed to others.

    Returns:
        The file descriptor.

    Raises:
        FileExistsError: The file must be new and exists.
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC), 0o600)
    try:
        # Special files such as /dev/null stay open to everybody.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def require_space(path: Path, spare: int) -> None:
    """Check that the disk of a recording has room to finish it.

    Args:
        path: The file that grows.
        spare: Number of bytes that must be free beside it.

    Raises:
        InputError: Fewer bytes are free.
    """
    free = shutil.disk_usage(path.parent).free
    if free < spare:
        raise InputError(
            f"only {free / 2**20:.0f} MiB are left where {path} is written: the recording ends here; make room"
        )
