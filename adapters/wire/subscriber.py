"""Text in over ZeroMQ: a SUB socket that counts the messages that it lost."""

import time
from collections.abc import Sequence
from typing import Any

import zmq

from adapters.files.closing import Closing
from adapters.wire import format as wire
from adapters.wire.curve import ClientCertificate
from adapters.wire.endpoint import default_endpoint
from messages.errors import InputError

TEXT = (wire.TextMessage.KIND, wire.Heartbeat.KIND)
"""Topics for a reader of the text."""
_TOPICS = 1000
"""Number of topics whose message numbers are remembered; beyond it the longest silent ones count as new."""


class Subscriber(Closing):
    """Receives the messages of a running daemon. Use it in a `with`; it may be opened before the daemon starts.

    Args:
        endpoint: Endpoint at which the daemon publishes; None: the user's own ipc socket.
        person: The only person whose messages are received; None: everybody's are.
        topics: First parts of the topics to subscribe to.
        certificate: Certificate for a daemon that admits only clients that it knows.
        options: Options of the socket, by their names in pyzmq.

    Raises:
        InputError: The endpoint cannot be used, or the person cannot be part of a topic.
    """

    def __init__(
        self,
        endpoint: str | None,
        person: str | None = None,
        topics: Sequence[str] = TEXT,
        certificate: ClientCertificate | None = None,
        **options: Any,
    ) -> None:
        self.lost = 0
        """Number of messages that were published and never came, as far as their numbers tell."""
        self._person = wire.Sender("", "", person).person if person is not None else None
        self._topics = topics
        self.endpoint = publisher = endpoint or default_endpoint()
        """The endpoint at which the daemon publishes."""
        # By person and topic: the run, and the number of its next message.
        self._expected: dict[tuple[str, str], tuple[str, int]] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for name, value in {"linger": 0, **options}.items():
            setattr(self._socket, name, value)
        for kind in topics:
            self._socket.subscribe(wire.topic(kind, person or ""))
        self._socket.ipv6 = publisher.startswith("tcp://[")
        if certificate:
            certificate.apply(self._socket)
        try:
            self._socket.connect(publisher)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(
                f"cannot listen to {publisher}: {error}; name the endpoint that the daemon prints"
            ) from None

    def receive(self, timeout: float) -> wire.Message | None:
        """Return the next message, or None if none came within `timeout` s.

        Raises:
            InputError: A message is not emgtype's, or of another version.
        """
        end = time.monotonic() + timeout
        while self._socket.poll(max(0, round(1000 * (end - time.monotonic())))):
            message = wire.decode(self._socket.recv_multipart())
            # ZeroMQ matches topics by their beginning, so a person whose name begins with this one matches, too.
            if self._person in (None, message.person):
                self._count(message)
                return message
        return None

    def _count(self, message: wire.Message) -> None:
        self._track(message, message.KIND, message.seq, message.seq + 1)
        # A heartbeat shows a loss even if no later message of that topic follows.
        if isinstance(message, wire.Heartbeat):
            for kind in {*self._topics} & {*message.next}:
                self._track(message, kind, message.next[kind], message.next[kind])

    def _track(self, message: wire.Message, kind: str, number: int, following: int) -> None:
        """Count the messages that are missing before `number`, and remember that `following` comes next."""
        run, expected = self._expected.get((message.person, kind), ("", 0))
        # The first message of a topic shows where we joined; a new run of the daemon counts from 0 again.
        if run == message.run:
            self.lost += max(0, number - expected)
        # Put in again, so that the topic with the newest message comes last.
        self._expected.pop((message.person, kind), None)
        self._expected[message.person, kind] = message.run, following
        if len(self._expected) > _TOPICS:
            del self._expected[next(iter(self._expected))]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._context.term()
