"""Room on the disk that a recording grows on."""

import shutil
from pathlib import Path

from messages.errors import InputError


def require_space(path: Path, spare: int) -> None:
    """Raise InputError where fewer than `spare` bytes are free beside a file."""
    free = shutil.disk_usage(path.parent).free
    if free < spare:
        raise InputError(
            f"only {free / 2**20:.0f} MiB are left where {path} is written: the recording ends here; make room"
        )
