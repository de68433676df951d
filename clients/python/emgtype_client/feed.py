"""Turns messages into events and text, and notices when the text must be taken anew. No sockets, no clock."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from emgtype_client.errors import ClientError
from emgtype_client.events import (
    Edit,
    Event,
    Final,
    Heartbeat,
    Joined,
    Key,
    Lost,
    Mark,
    Partial,
    Reading,
    Sentence,
    Status,
)
from emgtype_client.text import Text

VERSION = 1
KEYS, HEARTBEAT = "keys", "heartbeat"


class Feed:
    """Holds the text of each person, and follows the messages in the order in which they come.

    Args:
        topics: First parts of the topics that are subscribed to.
        person: The only person who counts; None: everybody does.
    """

    def __init__(self, topics: Collection[str], person: str | None) -> None:
        self.topics = topics
        self.person = person
        self.people: dict[str, Text] = {}
        """The text of each person."""
        self.stale: set[str] = set()
        """Names of the people whose text must be taken from a snapshot."""
        # By person and topic: the run, and the number of its next message.
        self._expected: dict[tuple[str, str], tuple[str, int]] = {}

    def take(self, parts: Sequence[bytes]) -> list[Event]:
        """Return the events of a message.

        Raises:
            ClientError: The message is not emgtype's, or of another version.
        """
        try:
            return self._take(*parts)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise ClientError("a message that is not emgtype's came: check the endpoint") from None

    def _take(self, topic: bytes, body: bytes) -> list[Event]:
        table = _unpack(body)
        if table["v"] != VERSION:
            raise ClientError(f"a message of another version came, expected {VERSION}: update whichever is older")
        kind, _, person = topic.decode().partition(".")
        if self.person not in (None, person):
            # ZeroMQ matches topics by their beginning, so a person whose name begins with ours matches, too.
            return []
        run, seq, event = str(table["run"]), _count(table["seq"]), _READ[kind](person, table)
        events = self._track(person, kind, run, seq, seq + 1)
        # A heartbeat shows a loss even if no later message of that topic follows.
        if isinstance(event, Heartbeat):
            for other in {*self.topics} & {*table["next"]}:
                number = _count(table["next"][other])
                events += self._track(person, other, run, number, number)
            self._is_next(person, run, _count(table["next"][KEYS]))
        if isinstance(event, Edit):
            if not self._is_next(person, run, seq):
                return events
            self.people[person].apply(event.erase, [key.key for key in event.insert], event.tail)
        return [*events, event]

    def _track(self, person: str, kind: str, run: str, number: int, following: int) -> list[Event]:
        """Return a loss of the messages that are missing before `number`, and expect `following` next."""
        last_run, expected = self._expected.get((person, kind), ("", 0))
        self._expected[person, kind] = run, following
        # The first message of a topic shows where we joined; a new run of the daemon counts from 0 again.
        lost = number - expected if last_run == run else 0
        return [Lost(person, kind, lost)] if lost > 0 else []

    def _is_next(self, person: str, run: str, number: int) -> bool:
        """Return whether the edit with this number is the next one for the text.

        If edits are missing before it, the text is marked as stale; an edit that the text contains already is ignored.
        """
        text = self.people.get(person)
        if text is None or text.run != run or text.next < number:
            self.stale.add(person)
        return text is not None and person not in self.stale and text.next == number

    def join(self, answer: Mapping[str, Any]) -> list[Event]:
        """Take the text from the answer of the request `snapshot`."""
        events: list[Event] = []
        for person, each in answer["people"].items():
            if self.person in (None, person):
                self.people[person] = Text(each["run"], each["keys"], each["tail"], each["next"][KEYS])
                self.stale.discard(person)
                events.append(Joined(person, each["run"]))
        return events


def _edit(person: str, table: Mapping[str, Any]) -> Edit:
    keys = tuple(Key(str(k["key"]), k["time"], k["confidence"]) for k in table["keys"])
    return Edit(person, _count(table["erase"]), keys, _count(table["tail"]), table["time"], table["sent"])


def _sentence(person: str, table: Mapping[str, Any]) -> Sentence:
    readings = tuple(Reading(str(r["text"]), r["score"], r["acoustic"]) for r in table["readings"])
    return Sentence(person, readings, table["start"], table["end"])


_READ: Mapping[str, Callable[[str, Mapping[str, Any]], Event]] = {
    KEYS: _edit,
    "final": lambda person, table: Final(person, _count(table["back"]), str(table["text"])),
    "partial": lambda person, table: Partial(person, str(table["line"]), _count(table["final"])),
    "sentence": _sentence,
    "status": lambda person, table: Status(person, table["figures"]),
    "mark": lambda person, table: Mark(person, str(table["mark"]), table["time"]),
    HEARTBEAT: lambda person, table: Heartbeat(person, table["sent"]),
}


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _unpack(body: bytes) -> Any:
    # An object in JSON begins with {, and a map in msgpack never does.
    if body[:1] == b"{":
        return json.loads(body)
    try:
        import msgpack  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ClientError("the daemon sends msgpack: pip install 'emgtype-client[msgpack]'") from None
    return msgpack.unpackb(body)
