"""One daemon to an ipc socket: binding unlinks what is there, so two that start at once could both think it theirs."""

import fcntl
import os
from pathlib import Path

from adapters.files.closing import Closing
from messages.errors import InputError


class SocketLock(Closing):
    """A locked file beside the socket, `PATH.lock`, for as long as this is open; the system unlocks it for the dead.

    Raises:
        InputError: Another process holds it.
        OSError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        while True:
            # Not through a link that somebody else may have put into a directory open to all.
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._descriptor)
                raise InputError(f"ipc://{path} is in use: end the other daemon, or name another --endpoint") from None
            if self._is_there():
                return
            os.close(self._descriptor)  # its last holder removed it between our opening and our locking it

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.lstat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Remove the file and unlock it."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1
