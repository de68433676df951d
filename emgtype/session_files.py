"""Session files as commands take them: one by one, or as folders."""

from collections.abc import Sequence
from pathlib import Path

from messages.errors import InputError


def session_files(paths: Sequence[Path]) -> list[Path]:
    """Return the named files, and of each folder all .hdf5 files in the order of their names.

    Raises:
        InputError: A folder without a session.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.hdf5"))
            if not inside:
                raise InputError(f"{path} holds no .hdf5 session: name session files or a folder of them")
            files += inside
        else:
            files.append(path)
    return files
