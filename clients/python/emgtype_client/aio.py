"""The client for asyncio."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import zmq
import zmq.asyncio

from emgtype_client.base import BaseClient
from emgtype_client.errors import NoAnswerError
from emgtype_client.events import Event
from emgtype_client.requests import answer, nobody, request


class AsyncClient(BaseClient):
    """A client for asyncio: use it in an `async with`, and iterate over its events by `async for`.

    Arguments and errors are those of BaseClient.
    """

    async def receive(self) -> Event:
        """Return the next event; `asyncio.timeout` bounds the wait.

        Raises:
            ClientError: A message is not emgtype's; the next call goes on with the next message.
        """
        while not self._events:
            self._events += self._feed.take(await self._socket.recv_multipart())
            if self._feed.stale:
                # A daemon that does not answer has just ended: the next message, of its successor, asks again.
                with contextlib.suppress(NoAnswerError):
                    await self._join()
        return self._events.popleft()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            yield await self.receive()

    async def ask(self, do: str, person: str | None = None, arg: str | None = None) -> dict[str, Any]:
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
            await socket.send(request(do, person, arg))
            async with asyncio.timeout(self.timeout):
                return answer(await socket.recv())
        except TimeoutError:
            raise nobody(self._route.control) from None
        finally:
            socket.close()

    async def _join(self) -> None:
        self._events += self._feed.join(await self.ask("snapshot", self._feed.person))

    async def __aenter__(self) -> Self:
        self._context = zmq.asyncio.Context()
        try:
            self._socket = self._subscribe(self._context)
            try:
                await self._join()
            except BaseException:
                self._socket.close()
                raise
        except BaseException:
            self._context.term()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._context.term()
