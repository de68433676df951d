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
    """Use it in a `with`; iterate over it for events, as long as you like (arguments and errors: see BaseClient)."""

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
        """The next event, or None when none came within `timeout` s.

        Raises:
            ClientError: A message that is not emgtype's; one may go on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._pending:
            left = None if end is None else max(0, round(1000 * (end - time.monotonic())))
            if not self._socket.poll(left):
                return None
            self._pending += self._feed.take(self._socket.recv_multipart())
            if self._feed.stale:
                # Unanswered, it has just ended: the next message, of the next one, asks again.
                with contextlib.suppress(NoAnswerError):
                    self._join()
        return self._pending.popleft()

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.receive()
            if event is not None:
                yield event

    def ask(self, do: str, person: str | None = None, arg: str | None = None) -> dict[str, Any]:
        """Ask the daemon: `status`, `pause`, `resume` and the like (docs/protocol.md); what it answers.

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
        self._pending += self._feed.join(self.ask("snapshot", self._feed.person))

    def close(self) -> None:
        """Give the sockets back."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
