"""Text in over ZeroMQ: a SUB socket that counts what it has lost."""

from types import TracebackType
from typing import Self

import zmq

from adapters import wire
from adapters.endpoint import default_endpoint
from decoder.errors import InputError


class Subscriber:
    """Messages of a running daemon. Use it in a `with`; it may be there before the daemon is.

    Args:
        endpoint: Where the daemon publishes; None: the user's own ipc socket.
        person: Only this person's messages; None: everybody's.
    """

    def __init__(self, endpoint: str | None, person: str | None = None) -> None:
        self.lost = 0
        """Messages that were published and never came, as far as their numbers tell."""
        self._person = person
        self._expected: dict[tuple[type, str, str], int] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        for kind in (wire.TEXT, wire.HEARTBEAT):
            self._socket.subscribe(wire.topic(kind, person) if person else kind)
        wanted = endpoint or default_endpoint()
        try:
            self._socket.connect(wanted)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(f"cannot listen to {wanted}: {error}; name what the daemon says it publishes at") from None

    def receive(self, timeout: float) -> wire.Message | None:
        """The next message, or None when none came within `timeout` s.

        Raises:
            InputError: A message that is not emgtype's, or of another version.
        """
        if not self._socket.poll(round(1000 * timeout)):
            return None
        message = wire.decode(self._socket.recv_multipart())
        if self._person not in (None, message.sender.person):
            return None  # topics match by their beginning: somebody whose name begins with this one
        key = (type(message), message.sender.session, message.sender.person)
        expected = self._expected.get(key, message.seq)
        # A smaller number is a daemon that started anew, not a loss.
        self.lost += max(0, message.seq - expected)
        self._expected[key] = message.seq + 1
        return message

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
