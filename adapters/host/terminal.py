"""Single keys from the terminal that a command was started in, while the command goes on."""

import os
import select
import sys
import termios
import tty
from typing import Any

from adapters.files.closing import Closing

_MOST = 256
"""Number of bytes that one call reads."""


class Terminal(Closing):
    """Standard input, read without waiting for whole lines and without showing the keys. Use it in a `with`."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._settings: list[Any] | None = None
        self._open = True
        if os.isatty(self._descriptor):
            self._settings = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)

    def pressed(self) -> str:
        """Return the characters that were typed since the last call; never waits."""
        if not self._open or not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        typed = os.read(self._descriptor, _MOST)
        self._open = bool(typed)
        return typed.decode(errors="replace")

    def close(self) -> None:
        """Give the terminal its former settings back."""
        if self._settings is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._settings)
