"""What a service manager wants to hear (systemd's sd_notify protocol: datagrams to the socket that it names)."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from adapters.files.closing import Closing


class ServiceManager(Closing):
    """Tells systemd that we are ready, alive and ending; without one it does nothing. Use it in a `with`.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        name = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if name else None
        self._clock = clock
        # Half the time after which systemd takes us for hung and starts us anew.
        self._every = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        self._due = 0.0

    def ready(self) -> None:
        """All is open; samples are pulled from now on."""
        self._tell("READY=1")

    def status(self, sentence: str) -> None:
        """A line for `systemctl status`."""
        self._tell(f"STATUS={sentence}")

    def alive(self) -> None:
        """To be called in every step: tells it as often as was asked for."""
        if self._every and self._clock() >= self._due:
            self._due = self._clock() + self._every
            self._tell("WATCHDOG=1")

    def close(self) -> None:
        """We are ending."""
        self._tell("STOPPING=1")
        if self._socket:
            self._socket.close()
            self._socket = None

    def _tell(self, line: str) -> None:
        if self._socket:
            with suppress(OSError):  # nobody hears it, or not now: that is no reason to stop typing, or to wait
                self._socket.sendto(line.encode(), socket.MSG_DONTWAIT, self._address)
