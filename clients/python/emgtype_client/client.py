"""The client for programs without an event loop."""

import contextlib
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import zmq

from emgtype_client.base import BaseClient
from emgtype_client.errors import NoAnswerError
from emgtype_client.events import Event
from emgtype_client.requests import answer, nobody, request


class Client(BaseClient):
    """A client without an event loop: use it in a `with`, and iterate over its events as long as you like.

    Arguments and errors are those of BaseClient.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._context: zmq.Context[Any] = zmq.Context()
        try:
            self._socket = self._subscribe(self._context)
            try:
                self._join()
            except BaseException:
                self._socket.close()
                raise
        except BaseException:
            self._context.term()
            raise

    def receive(self, timeout: float | None = None) -> Event | None:
        """Return the next event, or None if none came within `timeout` s.

        Raises:
            ClientError: A message is not emgtype's; the next call goes on with the next message.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            remaining_ms = None if end is None else max(0, round(1000 * (end - time.monotonic())))
            if not self._socket.poll(remaining_ms):
                return None
            self._events += self._feed.take(self._socket.recv_multipart())
            if self._feed.stale:
                # A daemon that does not answer has just ended: the next message, of its successor, asks again.
                with contextlib.suppress(NoAnswerError):
                    self._join()
        return self._events.popleft()

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.receive()
            if event is not None:
                yield event

    def ask(self, do: str, person: str | None = None, arg: str | None = None) -> dict[str, Any]:
        """Send a request to the daemon, and return its answer.

        Args:
            do: Name of the request: `status`, `pause`, `resume` and the like (docs/protocol.md).
            person: The person it is about; None: everybody.
            arg: Its argument; None: it has none.

        Raises:
            NoAnswerError: Nobody answers in time.
            RefusedError: The daemon refuses.
        """
        socket = self._route.socket(self._context, zmq.REQ, self._route.control)
        try:
            socket.send(request(do, person, arg))
            if not socket.poll(None if self.timeout is None else round(1000 * self.timeout)):
                raise nobody(self._route.control)
            return answer(socket.recv())
        finally:
            socket.close()

    def _join(self) -> None:
        self._events += self._feed.join(self.ask("snapshot", self._feed.person))

    def close(self) -> None:
        """Close the sockets."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
