"""Notices for a service manager, by systemd's sd_notify protocol: datagrams to the socket that it names."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from adapters.files.closing import Closing


class ServiceManager(Closing):
    """Notifies systemd that the daemon is ready, alive and ending; without systemd it does nothing. Use it in a `with`.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        name = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if name else None
        self._clock = clock
        # Half the time (µs) after which systemd takes a silent daemon for hung and restarts it.
        self._interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        self._due = 0.0

    def ready(self) -> None:
        """Notify that everything is open, and samples are read from now on."""
        self._notify("READY=1")

    def status(self, sentence: str) -> None:
        """Set the status line of `systemctl status`."""
        self._notify(f"STATUS={sentence}")

    def alive(self) -> None:
        """Notify that the daemon is alive; call it in every step, it sends as often as systemd asked for."""
        if self._interval and self._clock() >= self._due:
            self._due = self._clock() + self._interval
            self._notify("WATCHDOG=1")

    def close(self) -> None:
        """Notify that the daemon is ending."""
        self._notify("STOPPING=1")
        if self._socket:
            self._socket.close()
            self._socket = None

    def _notify(self, line: str) -> None:
        if self._socket:
            # A socket that is gone or full is no reason to stop typing, or to wait.
            with suppress(OSError):
                self._socket.sendto(line.encode(), socket.MSG_DONTWAIT, self._address)
