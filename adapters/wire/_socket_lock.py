"""A lock that gives an ipc socket to one daemon alone.

Binding unlinks a socket that is there already, so without a lock two daemons that start at once could both take it.
"""

import fcntl
import os
from pathlib import Path

from adapters.files.closing import Closing
from messages.errors import InputError


class SocketLock(Closing):
    """A locked file beside the socket, `PATH.lock`, while this is open; the system unlocks it if the process dies.

    Args:
        path: The socket.

    Raises:
        InputError: Another process holds the lock.
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        while True:
            # O_NOFOLLOW: somebody else may have put a link into a directory that is open to all.
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._descriptor)
                raise InputError(f"ipc://{path} is in use: end the other daemon, or name another --endpoint") from None
            if self._still_there():
                return
            # Its last holder removed the file after we opened it and before we locked it.
            os.close(self._descriptor)

    def _still_there(self) -> bool:
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
