"""Text out over ZeroMQ: a PUB socket.

Slow subscribers lose messages and never slow us down. They notice a loss by the numbers of the messages, we notice it
by their full queue.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import zmq

from adapters.wire import format as wire
from adapters.wire._bound_socket import BoundSocket
from adapters.wire.curve import CertificateFolder
from adapters.wire.endpoint import default_endpoint
from adapters.wire.running_text import RunningText
from messages.sentence import Sentence
from messages.text import TextEvent

QUEUE_LIMIT = 10_000
"""Number of messages that wait for a slow subscriber before it loses some."""
# As a number: pyzmq's flags are slow to compare.
_READABLE = int(zmq.POLLIN)
_SUBSCRIPTIONS = 1000
"""Number of subscriptions that are read before a message goes out, so that nobody can delay us with more."""


class PubSocket(BoundSocket):
    """The socket at which all people of this process publish, each under their own topics. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free port); None: the user's own ipc socket.
        encoding: Encoding of the messages.
        certificates: Only clients that are allowed here may subscribe, then at any TCP address; None: anybody who can
            reach the endpoint may subscribe.
        queue_limit: Number of messages that wait for each subscriber at most.
        options: Options of the socket, by their names in pyzmq.

    Raises:
        InputError: The endpoint is in use, or would make typed text public.
    """

    def __init__(
        self,
        endpoint: str | None,
        *,
        encoding: wire.Encoding = "json",
        certificates: CertificateFolder | None = None,
        queue_limit: int = QUEUE_LIMIT,
        **options: Any,
    ) -> None:
        self.run = secrets.token_hex(8)
        """Random name that tells this run of the daemon from others."""
        self._encoding = encoding
        self._subscribed: set[bytes] = set()
        self._subscribed_to: dict[bytes, bool] = {}
        # XPUB is a PUB socket that reports subscriptions: a message without a subscriber is not even encoded. With
        # xpub_nodrop a full queue is an error, raised before the message went to anybody.
        super().__init__(
            zmq.XPUB,
            endpoint or default_endpoint(),
            ("publish at", "--endpoint"),
            certificates=certificates,
            sndhwm=queue_limit,
            xpub_nodrop=True,
            **options,
        )

    def has_subscriber(self, topic: bytes) -> bool:
        """Return whether anybody subscribes to a topic."""
        for _ in range(_SUBSCRIPTIONS):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
                break
            subscription = self._socket.recv()
            # Anything else is a message that a subscriber should not send.
            if subscription[:1] in (b"\0", b"\1"):
                (self._subscribed.add if subscription[0] else self._subscribed.discard)(subscription[1:])
                self._subscribed_to.clear()
        if topic not in self._subscribed_to:
            self._subscribed_to[topic] = any(map(topic.startswith, self._subscribed))
        return self._subscribed_to[topic]

    def send(self, message: wire.Message) -> bool:
        """Send a message to the subscribers of its topic; never waits.

        Returns:
            False if the queue of a subscriber has become full. It loses this message, and the messages after it until
            it has read half of its queue, which are not reported. The other subscribers get everything.
        """
        parts = wire.encode(message, self._encoding)
        try:
            self._socket.send_multipart(parts, flags=zmq.NOBLOCK)
        except zmq.Again:
            self._socket.xpub_nodrop = False
            self._socket.send_multipart(parts, flags=zmq.NOBLOCK)
            self._socket.xpub_nodrop = True
            return False
        return True


class Publisher:
    """Publishes one person's keys, text, status and heartbeats, numbered from 0 by topic.

    A message without a subscriber is numbered as if it had been sent.

    Args:
        socket: The socket; others may publish there, too.
        session: Name of the run in each message.
        person: The person who types; part of the topic.
        clock: Unix seconds.

    Raises:
        InputError: The person cannot be part of a topic.
    """

    def __init__(self, socket: PubSocket, session: str, person: str, *, clock: Callable[[], float] = time.time) -> None:
        self._sender = wire.Sender(socket.run, session, person)
        self._socket = socket
        self._clock = clock
        self._topics = {kind: wire.topic(kind, person) for kind in wire.KINDS}
        self._next = dict.fromkeys(wire.KINDS, 0)
        self._text = RunningText()
        self._line = self._text.line()
        self.endpoint = socket.endpoint
        """The endpoint that subscribers connect to."""
        self.overflows = 0
        """Number of messages that found the queue of a subscriber full; that subscriber lost probably more."""

    @property
    def position(self) -> dict[str, Any]:
        """Place where a late subscriber joins: this run of the daemon, and by topic the number of the next message."""
        return {"run": self._socket.run, "next": self._numbers()}

    def push(self, event: TextEvent) -> None:
        """Publish an edit of the text."""
        self._send(wire.TextMessage, lambda: (event,))
        back, text = self._text.push(event)
        if back or text:
            self._send(wire.Final, lambda: (back, text))
        line = self._text.line()
        if line != self._line:
            self._line = line
            self._send(wire.Partial, lambda: line)

    def status(self, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Publish the status of the daemon; the figures are computed only if somebody subscribes to them."""
        self._send(wire.Status, lambda: (figures(),))

    def sentence(self, sentence: Sentence) -> None:
        """Publish the readings of a sentence."""
        self._send(wire.SentenceMessage, lambda: (sentence,))

    def mark(self, name: str, time: float) -> None:
        """Publish a name for the moment `time` (s) of the samples."""
        self._send(wire.Mark, lambda: (name, time))

    def heartbeat(self) -> None:
        """Publish that the daemon lives, and the numbers of the next messages."""
        self._send(wire.Heartbeat, lambda: (self._numbers(),))

    def _numbers(self) -> dict[str, int]:
        return {kind: number for kind, number in self._next.items() if kind != wire.Heartbeat.KIND}

    def _send(self, kind: type[wire.Message], content: Callable[[], tuple[Any, ...]]) -> None:
        number = self._next[kind.KIND]
        self._next[kind.KIND] += 1
        if self._socket.has_subscriber(self._topics[kind.KIND]):
            self.overflows += not self._socket.send(kind(self._sender, number, self._clock(), *content()))


@contextmanager
def open_publisher(
    endpoint: str | None, session: str, person: str, *, clock: Callable[[], float] = time.time
) -> Iterator[Publisher]:
    """Open a publisher with a socket of its own (arguments and errors as those of PubSocket and Publisher)."""
    with PubSocket(endpoint) as socket:
        yield Publisher(socket, session, person, clock=clock)
