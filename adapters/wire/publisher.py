"""Text out over ZeroMQ: a PUB socket. Slow subscribers lose messages, as they see by `seq` and we by their full queue;
they never slow us down.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import zmq

from adapters.wire import format as wire
from adapters.wire._bound_socket import BoundSocket
from adapters.wire.curve import KeyFolder
from adapters.wire.endpoint import default_endpoint
from adapters.wire.running_text import RunningText
from messages.sentence import Sentence
from messages.text import TextEvent

KEPT = 10_000
"""Messages that wait for a subscriber that does not keep up, before it loses some."""
_READABLE = int(zmq.POLLIN)  # as a number: pyzmq's flags are slow to compare
_NEWS = 1000  # subscriptions taken note of before a message goes out: nobody can hold us up with more


class PubSocket(BoundSocket):
    """The socket that all people of this process publish at, each under topics of their own. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free one); None: the user's own ipc socket.
        encoding: Of the messages.
        keys: Only those whose keys these are can subscribe, then at any TCP address; None: whoever can reach it.
        kept: Messages that wait for each subscriber at most.
        options: Of the socket, by their names in pyzmq.

    Raises:
        InputError: An endpoint in use, or one that would make typed text public.
    """

    def __init__(
        self,
        endpoint: str | None,
        *,
        encoding: wire.Encoding = "json",
        keys: KeyFolder | None = None,
        kept: int = KEPT,
        **options: Any,
    ) -> None:
        self.run = secrets.token_hex(8)
        """Tells this life of the daemon from others."""
        self._encoding = encoding
        self._subscribed: set[bytes] = set()
        self._wanted: dict[bytes, bool] = {}
        # XPUB is PUB that tells what is subscribed to: what nobody wants is not even encoded. Without dropping, a queue
        # that is full is an error, and the message is with nobody yet.
        super().__init__(
            zmq.XPUB,
            endpoint or default_endpoint(),
            ("publish at", "--endpoint"),
            keys=keys,
            sndhwm=kept,
            xpub_nodrop=True,
            **options,
        )

    def wanted(self, topic: bytes) -> bool:
        """Whether anybody subscribes to that."""
        for _ in range(_NEWS):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
                break
            news = self._socket.recv()
            if news[:1] in (b"\0", b"\1"):  # anything else is a message that a subscriber should not send
                (self._subscribed.add if news[0] else self._subscribed.discard)(news[1:])
                self._wanted.clear()
        if topic not in self._wanted:
            self._wanted[topic] = any(map(topic.startswith, self._subscribed))
        return self._wanted[topic]

    def send(self, message: wire.Message) -> bool:
        """To whoever has subscribed to the message's topic; never waits.

        Returns:
            False where a subscriber's queue has become full: it loses this message, and those after it until it has
            read half of them, of which nothing tells. The others get everything.
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

    What nobody subscribes to is counted as if it had been sent.

    Args:
        socket: Where; others may publish there, too.
        session: Names the run in each message.
        person: Who types; part of the topic.
        clock: Unix seconds.

    Raises:
        InputError: A person who cannot be part of a topic.
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
        """Where subscribers connect."""
        self.overflows = 0
        """How often a message found a subscriber's queue full, which loses that and probably more."""

    @property
    def position(self) -> dict[str, Any]:
        """Where a late joiner comes in: this life of the daemon (`run`), and by topic (`next`) the next number."""
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
        """Publish how the daemon fares; the figures are asked for only where somebody wants them."""
        self._send(wire.Status, lambda: (figures(),))

    def sentence(self, sentence: Sentence) -> None:
        """Publish the readings of a sentence."""
        self._send(wire.SentenceMessage, lambda: (sentence,))

    def mark(self, name: str, time: float) -> None:
        """Publish a name for the moment `time` (s) of the samples."""
        self._send(wire.Mark, lambda: (name, time))

    def heartbeat(self) -> None:
        """Tell that we live."""
        self._send(wire.Heartbeat, lambda: (self._numbers(),))

    def _numbers(self) -> dict[str, int]:
        return {kind: number for kind, number in self._next.items() if kind != wire.Heartbeat.KIND}

    def _send(self, kind: type[wire.Message], said: Callable[[], tuple[Any, ...]]) -> None:
        number = self._next[kind.KIND]
        self._next[kind.KIND] += 1
        if self._socket.wanted(self._topics[kind.KIND]):
            self.overflows += not self._socket.send(kind(self._sender, number, self._clock(), *said()))


@contextmanager
def open_publisher(
    endpoint: str | None, session: str, person: str, *, clock: Callable[[], float] = time.time
) -> Iterator[Publisher]:
    """A publisher with a socket of its own (arguments and errors as PubSocket's and Publisher's)."""
    with PubSocket(endpoint) as socket:
        yield Publisher(socket, session, person, clock=clock)
