"""Text out over ZeroMQ: a PUB socket. Slow subscribers lose messages, and see it by `seq`; they never slow us down."""

import time
from collections.abc import Callable
from pathlib import Path

import zmq

from adapters import wire
from adapters.closing import Closing
from adapters.endpoint import check_endpoint, default_endpoint
from decoder.errors import InputError
from decoder.messages import TextEvent

_KEPT = 10_000  # messages for a subscriber that does not keep up, before it loses some
_LINGER_MS = 300  # at the end, for the last messages to leave


class Publisher(Closing):
    """Publishes text events and heartbeats. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free one); None: the user's own ipc socket.
        session: Names the run in each message.
        person: Who types; part of the topic.
        clock: Unix seconds.

    Raises:
        InputError: An endpoint in use, or one that would make typed text public.
    """

    def __init__(
        self, endpoint: str | None, session: str, person: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._sender = wire.Sender(session, person)
        self._clock = clock
        self._text_seq = self._beat_seq = 0
        wanted = endpoint or default_endpoint()
        check_endpoint(wanted)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.sndhwm = _KEPT
        self._socket.linger = _LINGER_MS
        self._socket.ipv6 = wanted.startswith("tcp://[")
        try:
            self._socket.bind(wanted)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(f"cannot publish at {wanted}: {error}; name another --endpoint") from None
        if wanted.startswith("ipc://"):
            Path(wanted.removeprefix("ipc://")).chmod(0o600)  # a directory that the user names may be open to others
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where subscribers connect."""

    def push(self, event: TextEvent) -> None:
        """Publish an edit of the text."""
        self._send(wire.TextMessage(self._sender, self._text_seq, self._clock(), event))
        self._text_seq += 1

    def heartbeat(self) -> None:
        """Tell that we live."""
        self._send(wire.Heartbeat(self._sender, self._beat_seq, self._clock()))
        self._beat_seq += 1

    def _send(self, message: wire.Message) -> None:
        self._socket.send_multipart(wire.encode(message), flags=zmq.NOBLOCK)

    def close(self) -> None:
        """Give the socket back; the last messages have 0.3 s to leave."""
        self._socket.close()
        self._context.term()
