"""Sinks with simulated faults: a session file on a bad disk, and a subscriber that stops reading."""

import errno
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from adapters.files.closing import Closing
from adapters.sessions.journal import SessionJournal
from adapters.wire.format import TextMessage
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import Subscriber
from emgtype.recording.recorder import NO_KEYBOARD
from messages.signal import Chunk
from simulator.fault_plan import SimulatedFault

DISK = ("slow-disk", "full-disk")
"""Faults of a disk, for which the samples are recorded."""
SUBSCRIBER = "slow-subscriber"
"""Fault of a subscriber, for which the text is published over TCP."""
_KERNEL_BYTES = 4096
"""Bytes that the kernel keeps for the subscriber, and for the publisher, or as few as it can."""
_CONNECT_S = 5.0
"""Seconds until the first message reaches a subscriber, at most."""


class FaultyJournal(SessionJournal):
    """A session file on a disk that is slow or full at times.

    Args:
        path: Path of the file.
        user: Name of the wearer.
        faults: Those of disks count.
        start: Time of the first sample, in s.
    """

    def __init__(self, path: Path, user: str, faults: Sequence[SimulatedFault], start: float) -> None:
        super().__init__(path, user, NO_KEYBOARD)
        self._faults = [fault for fault in faults if fault.kind in DISK]
        self._start = start
        self._now = start
        self._passed = threading.Condition()

    def append(self, chunk: Chunk) -> None:
        """Append samples as to any session file; wait or fail during a fault."""
        since = float(chunk.times[-1]) - self._start
        for fault in self._faults:
            if not fault.start <= since < fault.end:
                continue
            if fault.kind == "full-disk":
                raise self._refusal(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            self._wait(self._start + fault.end)
        super().append(chunk)

    def _wait(self, end: float) -> None:
        with self._passed:
            self._passed.wait_for(lambda: self._now >= end)

    def pass_time(self, now: float) -> None:
        """Set the virtual time (s), at which writes that wait for an earlier one go on."""
        with self._passed:
            self._now = max(self._now, now)
            self._passed.notify_all()


class Reader(Closing):
    """A subscriber that reads nothing during a fault. Use it in a `with`."""

    def __init__(self, publisher: Publisher, faults: Sequence[SimulatedFault]) -> None:
        self.messages = 0
        """Messages of text read so far."""
        self._faults = [fault for fault in faults if fault.kind == SUBSCRIBER]
        # Unread messages wait at the publisher, not on the way.
        self._subscriber = Subscriber(publisher.endpoint, rcvhwm=1, rcvbuf=_KERNEL_BYTES)
        end = time.monotonic() + _CONNECT_S
        while self._subscriber.receive(0.01) is None and time.monotonic() < end:
            publisher.heartbeat()

    @property
    def missed(self) -> int:
        """Messages that never came, as their numbers show."""
        return self._subscriber.lost

    def read(self, since: float, patience: float = 0.0) -> None:
        """Read the messages that have come.

        Args:
            since: Seconds since the first sample.
            patience: Seconds to wait for each message.
        """
        if any(fault.start <= since < fault.end for fault in self._faults):
            return
        while message := self._subscriber.receive(patience):
            self.messages += message.KIND == TextMessage.KIND

    def close(self) -> None:
        """Close the subscriber's socket."""
        self._subscriber.close()


def text_socket(folder: Path, faults: Sequence[SimulatedFault]) -> PubSocket:
    """Return the socket of the text; for a slow subscriber over TCP, where the size of the kernel's buffer is known."""
    queue_sizes = [round(fault.value) for fault in faults if fault.kind == SUBSCRIBER]
    if not queue_sizes:
        return PubSocket(f"ipc://{folder}/text")
    return PubSocket("tcp://127.0.0.1:0", queue_limit=min(queue_sizes), sndbuf=_KERNEL_BYTES)
