"""Files that hold what somebody typed, or a secret: readable by their owner alone, from the moment they are there."""

import os
import stat
from pathlib import Path


def open_private(path: Path, *, new: bool) -> int:
    """Descriptor of an empty file to write to.

    Args:
        path: Of the file.
        new: Whether it must not be there yet; otherwise what is there is emptied, and closed to others.

    Raises:
        OSError: It cannot be made, FileExistsError where it must be new and is not.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC), 0o600)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # /dev/null stays everybody's
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
