"""Text in over ZeroMQ: a SUB socket that counts what it has lost."""

import time
from collections.abc import Sequence
from typing import Any

import zmq

from adapters.files.closing import Closing
from adapters.wire import format as wire
from adapters.wire.curve import ClientKeys
from adapters.wire.endpoint import default_endpoint
from messages.errors import InputError

TEXT = (wire.TextMessage.KIND, wire.Heartbeat.KIND)
"""Topics of those who want the text."""
_TOPICS = 1000  # whose numbers are remembered: of more, those that were silent longest count as new


class Subscriber(Closing):
    """Messages of a running daemon. Use it in a `with`; it may be there before the daemon is.

    Args:
        endpoint: Where the daemon publishes; None: the user's own ipc socket.
        person: Only this person's messages; None: everybody's.
        topics: First parts of the topics wanted.
        keys: To a daemon that lets in those alone whom it knows.
        options: Of the socket, by their names in pyzmq.

    Raises:
        InputError: An endpoint that is none, or a person who cannot be part of a topic.
    """

    def __init__(
        self,
        endpoint: str | None,
        person: str | None = None,
        topics: Sequence[str] = TEXT,
        keys: ClientKeys | None = None,
        **options: Any,
    ) -> None:
        self.lost = 0
        """Messages that were published and never came, as far as their numbers tell."""
        self._person = wire.Sender("", "", person).person if person is not None else None
        self._topics = topics
        self.endpoint = wanted = endpoint or default_endpoint()
        """Where it listens."""
        self._expected: dict[tuple[str, str], tuple[str, int]] = {}  # by person and topic: the run and the next number
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for name, value in {"linger": 0, **options}.items():
            setattr(self._socket, name, value)
        for kind in topics:
            self._socket.subscribe(wire.topic(kind, person or ""))
        self._socket.ipv6 = wanted.startswith("tcp://[")
        if keys:
            keys.apply(self._socket)
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
            message = wire.decode(self._socket.recv_multipart())
            # Topics match by their beginning: it may be somebody whose name begins with this one.
            if self._person in (None, message.person):
                self._count(message)
                return message
        return None

    def _count(self, message: wire.Message) -> None:
        self._heard(message, message.KIND, message.seq, message.seq + 1)
        if isinstance(message, wire.Heartbeat):  # it tells of those, too, after which nothing has come yet
            for kind in {*self._topics} & {*message.next}:
                self._heard(message, kind, message.next[kind], message.next[kind])

    def _heard(self, message: wire.Message, kind: str, number: int, following: int) -> None:
        run, expected = self._expected.get((message.person, kind), ("", 0))
        # A topic's first message says where we came in; a daemon that starts anew counts anew.
        if run == message.run:
            self.lost += max(0, number - expected)
        self._expected.pop((message.person, kind), None)  # the newest last
        self._expected[message.person, kind] = message.run, following
        if len(self._expected) > _TOPICS:
            del self._expected[next(iter(self._expected))]

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        self._context.term()
