"""Text in over ZeroMQ: a SUB socket that counts what it has lost."""

import time

import zmq

from adapters import wire
from adapters.closing import Closing
from adapters.endpoint import default_endpoint
from decoder.errors import InputError


class Subscriber(Closing):
    """Messages of a running daemon. Use it in a `with`; it may be there before the daemon is.

    Args:
        endpoint: Where the daemon publishes; None: the user's own ipc socket.
        person: Only this person's messages; None: everybody's.

    Raises:
        InputError: An endpoint that is none, or a person who cannot be part of a topic.
    """

    def __init__(self, endpoint: str | None, person: str | None = None) -> None:
        self.lost = 0
        """Messages that were published and never came, as far as their numbers tell."""
        self.body = b""
        """JSON of the message that `receive` gave last, as it came."""
        self._person = wire.Sender("", person).person if person is not None else None
        self.endpoint = wanted = endpoint or default_endpoint()
        """Where it listens."""
        self._expected: dict[tuple[type, str, str], int] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        for kind in (wire.TEXT, wire.HEARTBEAT):
            self._socket.subscribe(wire.topic(kind, person) if person else kind)
        self._socket.ipv6 = wanted.startswith("tcp://[")
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
        end = time.monotonic() + timeout
        while self._socket.poll(max(0, round(1000 * (end - time.monotonic())))):
            parts = self._socket.recv_multipart()
            message = wire.decode(parts)
            # Topics match by their beginning: it may be somebody whose name begins with this one.
            if self._person in (None, message.person):
                self._count(message)
                self.body = parts[1]
                return message
        return None

    def _count(self, message: wire.Message) -> None:
        key = (type(message), message.session, message.person)
        expected = self._expected.get(key, message.seq)
        # A smaller number is a daemon that started anew, not a loss.
        self.lost += max(0, message.seq - expected)
        self._expected[key] = message.seq + 1

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        self._context.term()
