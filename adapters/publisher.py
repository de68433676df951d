"""Text out over ZeroMQ: a PUB socket. Slow subscribers lose messages, and see it by `seq`; they never slow us down."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq

from adapters import wire
from adapters.bound_socket import BoundSocket
from adapters.endpoint import default_endpoint
from decoder.messages import TextEvent

_KEPT = 10_000  # messages for a subscriber that does not keep up, before it loses some


class PubSocket(BoundSocket):
    """The socket that all people of this process publish at, each under topics of their own. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free one); None: the user's own ipc socket.

    Raises:
        InputError: An endpoint in use, or one that would make typed text public.
    """

    def __init__(self, endpoint: str | None) -> None:
        super().__init__(zmq.PUB, endpoint or default_endpoint(), ("publish at", "--endpoint"), sndhwm=_KEPT)

    def send(self, message: wire.Message) -> None:
        """To whoever has subscribed to the message's topic; never waits."""
        self._socket.send_multipart(wire.encode(message), flags=zmq.NOBLOCK)


class Publisher:
    """Publishes one person's text events and heartbeats, numbered from 0 by topic.

    Args:
        socket: Where; others may publish there, too.
        session: Names the run in each message.
        person: Who types; part of the topic.
        clock: Unix seconds.

    Raises:
        InputError: A person who cannot be part of a topic.
    """

    def __init__(self, socket: PubSocket, session: str, person: str, *, clock: Callable[[], float] = time.time) -> None:
        self._sender = wire.Sender(session, person)
        self._socket = socket
        self._clock = clock
        self._text_seq = self._beat_seq = 0
        self.endpoint = socket.endpoint
        """Where subscribers connect."""

    @property
    def next_seq(self) -> int:
        """Number of the next edit."""
        return self._text_seq

    def push(self, event: TextEvent) -> None:
        """Publish an edit of the text."""
        self._socket.send(wire.TextMessage(self._sender, self._text_seq, self._clock(), event))
        self._text_seq += 1

    def heartbeat(self) -> None:
        """Tell that we live."""
        self._socket.send(wire.Heartbeat(self._sender, self._beat_seq, self._clock()))
        self._beat_seq += 1


@contextmanager
def open_publisher(
    endpoint: str | None, session: str, person: str, *, clock: Callable[[], float] = time.time
) -> Iterator[Publisher]:
    """A publisher with a socket of its own (arguments and errors as PubSocket's and Publisher's)."""
    with PubSocket(endpoint) as socket:
        yield Publisher(socket, session, person, clock=clock)
