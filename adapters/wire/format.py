"""The messages that travel over ZeroMQ: topics, and versioned JSON or msgpack. Pure. See docs/protocol.md."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import msgpack

from messages.charset import KEYS, labels_to_text
from messages.errors import InputError
from messages.sentence import Reading, Sentence
from messages.text import Key, TextEvent

VERSION = 1
Encoding = Literal["json", "msgpack"]


@dataclass(frozen=True, slots=True)
class Sender:
    """The origin of a message."""

    run: str
    """Random name of one run of the daemon."""
    session: str
    """Name of the run that the user gave."""
    person: str
    """The person who types."""

    def __post_init__(self) -> None:
        if not self.person or not self.person.isprintable() or any(c.isspace() or c == "." for c in self.person):
            raise InputError(
                f"the person {self.person!r} cannot be part of a topic: use a name without spaces and dots"
            )
        if not self.session.isprintable():
            raise InputError(f"the session {self.session!r} cannot be published: use a name of printable characters")


@dataclass(frozen=True, slots=True)
class Message:
    """The fields that every message has."""

    KIND: ClassVar[str]
    """First part of the topic; the person follows after a dot."""

    sender: Sender
    """Origin of the message."""
    seq: int
    """Number of the message within its topic, from 0: a gap means a loss."""
    sent: float
    """Unix seconds at which it was sent."""

    @property
    def run(self) -> str:
        """Random name of the run of the daemon that sent the message."""
        return self.sender.run

    @property
    def session(self) -> str:
        """Name of that run that the user gave."""
        return self.sender.session

    @property
    def person(self) -> str:
        """The person who types."""
        return self.sender.person

    def fields(self) -> dict[str, Any]:
        """Return the other fields as plain values."""
        raise NotImplementedError

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned.

        Raises:
            KeyError, TypeError, ValueError: A field is missing or does not fit.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TextMessage(Message):
    """One edit of a person's keys."""

    KIND: ClassVar[str] = "keys"

    event: TextEvent
    """The edit. A reader finds the message's number in its `seq`, since the decoder's numbers may start anew."""

    def fields(self) -> dict[str, Any]:
        """Return the edit with confidences rounded to 4 decimals."""
        event = self.event
        return {
            "time": event.time,
            "erase": event.erase,
            "insert": labels_to_text(key.label for key in event.insert),
            "tail": event.tail,
            "keys": [
                {"key": KEYS[k.label], "label": k.label, "time": k.time, "confidence": round(k.confidence, 4)}
                for k in event.insert
            ],
        }

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        keys = tuple(Key(_count(k["label"]), float(k["time"]), float(k["confidence"])) for k in table["keys"])
        if not all(key.label < len(KEYS) for key in keys):
            raise ValueError
        event = TextEvent(_count(table["erase"]), keys, _count(table["tail"]), float(table["time"]), seq)
        return cls(sender, seq, sent, event)


@dataclass(frozen=True, slots=True)
class Final(Message):
    """Text that is final: only a ⌫ that is typed later changes it."""

    KIND: ClassVar[str] = "final"

    back: int
    """Number of characters of the final text that typed ⌫ took back."""
    text: str
    """Final text that follows then."""

    def fields(self) -> dict[str, Any]:
        """Return the fields under their own names."""
        return {"back": self.back, "text": self.text}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        return cls(sender, seq, sent, _count(table["back"]), _text(table["text"]))


@dataclass(frozen=True, slots=True)
class Partial(Message):
    """The unfinished line, including its end that may still change."""

    KIND: ClassVar[str] = "partial"

    line: str
    """Last 256 characters of the line."""
    final: int
    """Number of first characters that are final."""

    def fields(self) -> dict[str, Any]:
        """Return the fields under their own names."""
        return {"line": self.line, "final": self.final}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        return cls(sender, seq, sent, _text(table["line"]), _count(table["final"]))


@dataclass(frozen=True, slots=True)
class Status(Message):
    """The state of the daemon."""

    KIND: ClassVar[str] = "status"

    figures: Mapping[str, Any]
    """The answer of the request `status` about the person; it contains no text."""

    def fields(self) -> dict[str, Any]:
        """Return the fields under their own names."""
        return {"figures": dict(self.figures)}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        return cls(sender, seq, sent, dict(table["figures"]))


@dataclass(frozen=True, slots=True)
class SentenceMessage(Message):
    """Readings at word level of the keys that were typed between two pauses."""

    KIND: ClassVar[str] = "sentence"

    sentence: Sentence
    """The readings, with their times."""

    def fields(self) -> dict[str, Any]:
        """Return the readings, the best one first."""
        readings = [{"text": r.text, "score": r.score, "acoustic": r.acoustic} for r in self.sentence.readings]
        return {"readings": readings, "start": self.sentence.start, "end": self.sentence.end}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        readings = [Reading(_text(r["text"]), float(r["score"]), float(r["acoustic"])) for r in table["readings"]]
        return cls(sender, seq, sent, Sentence(tuple(readings), float(table["start"]), float(table["end"])))


@dataclass(frozen=True, slots=True)
class Mark(Message):
    """A moment that the request `mark` gave a name."""

    KIND: ClassVar[str] = "mark"

    mark: str
    """The name."""
    time: float
    """Seconds: the newest sample at that moment."""

    def fields(self) -> dict[str, Any]:
        """Return the fields under their own names."""
        return {"mark": self.mark, "time": self.time}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        return cls(sender, seq, sent, _text(table["mark"]), float(table["time"]))


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """A sign that the daemon lives."""

    KIND: ClassVar[str] = "heartbeat"

    next: Mapping[str, int]
    """Number of the next message by topic of the same person: it shows a loss even if no message follows."""

    def fields(self) -> dict[str, Any]:
        """Return the fields under their own names."""
        return {"next": dict(self.next)}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Make a message from the values that `fields` returned."""
        return cls(sender, seq, sent, {str(kind): _count(number) for kind, number in table["next"].items()})


KINDS: Mapping[str, type[Message]] = {
    each.KIND: each for each in (TextMessage, Final, Partial, SentenceMessage, Status, Mark, Heartbeat)
}
"""Kinds of messages by the first part of their topics."""


def topic(kind: str, person: str) -> bytes:
    """Return the topic of a kind of message about a person."""
    return f"{kind}.{person}".encode()


def table(message: Message) -> dict[str, Any]:
    """Return all fields of a message as plain values."""
    head = {"v": VERSION, "run": message.run, "session": message.session, "person": message.person}
    return {**head, "seq": message.seq, "sent": message.sent, **message.fields()}


def encode(message: Message, encoding: Encoding = "json") -> list[bytes]:
    """Return the parts of a ZeroMQ message: topic and body."""
    values = table(message)
    body = msgpack.packb(values) if encoding == "msgpack" else _json(values)
    return [topic(message.KIND, message.person), body]


def decode(parts: Sequence[bytes]) -> Message:
    """Read a message that `encode` wrote, in any encoding.

    Raises:
        InputError: It is no message of this version. The sentence quotes nothing, since it may be somebody's text.
    """
    try:
        return _message(*parts)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"a message that is not emgtype's came ({type(error).__name__}): check the endpoint") from None


def _message(name: bytes, body: bytes) -> Message:
    # An object in JSON begins with {, and a map in msgpack never does.
    values = json.loads(body) if body[:1] == b"{" else msgpack.unpackb(body)
    if values["v"] != VERSION:
        version = values["v"] if isinstance(values["v"], int) else "unknown"
        raise InputError(f"a message of version {version} came, expected {VERSION}: update whichever is older")
    sender = Sender(_text(values["run"]), _text(values["session"]), _text(values["person"]))
    kind, _, person = name.decode().partition(".")
    if person != sender.person:
        raise ValueError
    return KINDS[kind].read(sender, _count(values["seq"]), float(values["sent"]), values)


def _count(value: Any) -> int:
    if int(value) < 0:
        raise ValueError
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
