"""What messages mean: events, the text held, and whether it must be taken anew. No sockets, no clock."""

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
    """Takes messages, in the order in which they come.

    Args:
        topics: First parts of the topics that are subscribed to.
        person: The only one who counts; None: everybody.
    """

    def __init__(self, topics: Collection[str], person: str | None) -> None:
        self.topics = topics
        self.person = person
        self.people: dict[str, Text] = {}
        """The text of each."""
        self.stale: set[str] = set()
        """Those whose text must be taken from a snapshot."""
        self._expected: dict[tuple[str, str], tuple[str, int]] = {}  # by person and topic: run and next number

    def take(self, parts: Sequence[bytes]) -> list[Event]:
        """What a message brings.

        Raises:
            ClientError: It is not emgtype's, or of another version.
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
            return []  # topics match by their beginning: somebody's whose name begins as ours
        run, seq, event = str(table["run"]), _count(table["seq"]), _READ[kind](person, table)
        events = self._heard(person, kind, run, seq, seq + 1)
        if isinstance(event, Heartbeat):  # it tells of those, too, after which nothing has come yet
            for other in {*self.topics} & {*table["next"]}:
                number = _count(table["next"][other])
                events += self._heard(person, other, run, number, number)
            self._compare(person, run, _count(table["next"][KEYS]))
        if isinstance(event, Edit):
            if not self._compare(person, run, seq):
                return events
            self.people[person].apply(event.erase, [key.key for key in event.insert], event.tail)
        return [*events, event]

    def _heard(self, person: str, kind: str, run: str, number: int, following: int) -> list[Event]:
        known, expected = self._expected.get((person, kind), ("", 0))
        self._expected[person, kind] = run, following
        # A topic's first message says where we came in; a daemon that starts anew counts anew.
        lost = number - expected if known == run else 0
        return [Lost(person, kind, lost)] if lost > 0 else []

    def _compare(self, person: str, run: str, number: int) -> bool:
        """Whether the text stands before that edit; what it lacks is in a snapshot, what it has already is no news."""
        text = self.people.get(person)
        if text is None or text.run != run or text.next < number:
            self.stale.add(person)
        return text is not None and person not in self.stale and text.next == number

    def join(self, answer: Mapping[str, Any]) -> list[Event]:
        """Take the text from what the request `snapshot` answered."""
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
    if body[:1] == b"{":  # which msgpack never begins a map with
        return json.loads(body)
    try:
        import msgpack  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ClientError("the daemon sends msgpack: pip install 'emgtype-client[msgpack]'") from None
    return msgpack.unpackb(body)
