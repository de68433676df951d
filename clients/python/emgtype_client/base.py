"""The common part of the sync and the asyncio client: everything but waiting."""

import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import zmq

from emgtype_client.endpoints import find_route
from emgtype_client.errors import ClientError
from emgtype_client.events import Event
from emgtype_client.feed import HEARTBEAT, KEYS, Feed
from emgtype_client.text import Text


class BaseClient:
    """A subscriber that holds the text.

    Args:
        endpoint: Endpoint at which the daemon publishes; None: this user's own daemon.
        control: Endpoint at which it takes requests; None: the one beside `endpoint`.
        person: The person whose text is received; None: everybody's is.
        topics: Topics beside the text: any of final, partial, sentence, status and mark.
        keys: A certificate made by `emgtype certificates new`, or its content, for a daemon that admits known clients
            alone.
        timeout: Seconds within which the daemon must answer; None: as long as it takes.

    Raises:
        ClientError: An endpoint or the certificate cannot be used.
        NoAnswerError: No daemon answers there in time.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        control: str | None = None,
        person: str | None = None,
        topics: Sequence[str] = (),
        keys: str | os.PathLike[str] | Mapping[str, str] | None = None,
        timeout: float | None = 3.0,
    ) -> None:
        self.timeout = timeout
        self._route = find_route(endpoint, control, keys)
        self._feed = Feed({KEYS, HEARTBEAT, *topics}, person)
        self._events: deque[Event] = deque()

    @property
    def people(self) -> Mapping[str, Text]:
        """The newest text of every person so far, by name."""
        return self._feed.people

    @property
    def text(self) -> str:
        """The newest text of the only person, final or not.

        Raises:
            ClientError: Several people type: see `people`.
        """
        people = self._feed.people
        if len(people) > 1:
            raise ClientError(f"{', '.join(sorted(people))} type here: choose by person=, or from people")
        return "".join(map(str, people.values()))

    def _subscribe(self, context: "zmq.Context[Any]") -> Any:
        socket = self._route.socket(context, zmq.SUB, self._route.endpoint)
        for topic in self._feed.topics:
            socket.subscribe(f"{topic}.{self._feed.person or ''}")
        return socket
