"""What the sync and the asyncio client share: all but waiting."""

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
        endpoint: Where the daemon publishes; None: this user's own, wherever that is.
        control: Where it takes requests; None: beside that.
        person: Whose text; None: everybody's.
        topics: What to be told beside the text: of final, partial, sentence, status and mark.
        keys: A file made by `emgtype keys new`, for a daemon that wants keys.
        timeout: Seconds within which the daemon must answer; None: as long as it takes.

    Raises:
        ClientError: An endpoint or keys that are none.
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
        self._pending: deque[Event] = deque()

    @property
    def people(self) -> Mapping[str, Text]:
        """The newest text of everybody who was heard of, by name."""
        return self._feed.people

    @property
    def text(self) -> str:
        """The newest text, final and not, of the one person.

        Raises:
            ClientError: There are several: see `people`.
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
