"""What travels over ZeroMQ: topics and versioned JSON or msgpack, encoded and decoded. Pure. See docs/protocol.md."""

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
    """Who publishes."""

    run: str
    """Random, of one life of the daemon."""
    session: str
    person: str

    def __post_init__(self) -> None:
        if not self.person or not self.person.isprintable() or any(c.isspace() or c == "." for c in self.person):
            raise InputError(
                f"the person {self.person!r} cannot be part of a topic: use a name without spaces and dots"
            )
        if not self.session.isprintable():
            raise InputError(f"the session {self.session!r} cannot be published: use a name of printable characters")


@dataclass(frozen=True, slots=True)
class Message:
    """What every message says."""

    KIND: ClassVar[str]
    """First part of the topic; the person follows after a dot."""

    sender: Sender
    seq: int
    """Counts this topic's messages from 0: a gap is a loss."""
    sent: float
    """Unix seconds."""

    @property
    def run(self) -> str:
        """Names the life of the daemon that sent it."""
        return self.sender.run

    @property
    def session(self) -> str:
        """Names the sender's run as the user does."""
        return self.sender.session

    @property
    def person(self) -> str:
        """Who types."""
        return self.sender.person

    def fields(self) -> dict[str, Any]:
        """What it says beside that, as plain values."""
        raise NotImplementedError

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`; KeyError, TypeError or ValueError for what does not fit."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TextMessage(Message):
    """One edit of somebody's keys."""

    KIND: ClassVar[str] = "keys"

    event: TextEvent
    """Its `seq` is this message's: the publisher's numbers do not start anew when the decoder does."""

    def fields(self) -> dict[str, Any]:
        """Confidences are rounded to 4 decimals."""
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
        """Inverse of `fields`."""
        keys = tuple(Key(_count(k["label"]), float(k["time"]), float(k["confidence"])) for k in table["keys"])
        if not all(key.label < len(KEYS) for key in keys):
            raise ValueError
        event = TextEvent(_count(table["erase"]), keys, _count(table["tail"]), float(table["time"]), seq)
        return cls(sender, seq, sent, event)


@dataclass(frozen=True, slots=True)
class Final(Message):
    """Text that changes no more, but by ⌫ that are typed later."""

    KIND: ClassVar[str] = "final"

    back: int
    """Characters of the final text that typed ⌫ took back."""
    text: str
    """What follows then."""

    def fields(self) -> dict[str, Any]:
        """As they are called here."""
        return {"back": self.back, "text": self.text}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        return cls(sender, seq, sent, _count(table["back"]), _text(table["text"]))


@dataclass(frozen=True, slots=True)
class Partial(Message):
    """The unfinished line as it stands."""

    KIND: ClassVar[str] = "partial"

    line: str
    """Its last 256 characters."""
    final: int
    """How many of its first characters are final."""

    def fields(self) -> dict[str, Any]:
        """As they are called here."""
        return {"line": self.line, "final": self.final}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        return cls(sender, seq, sent, _text(table["line"]), _count(table["final"]))


@dataclass(frozen=True, slots=True)
class Status(Message):
    """How the daemon fares."""

    KIND: ClassVar[str] = "status"

    figures: Mapping[str, Any]
    """What the request `status` answers about the person; no text."""

    def fields(self) -> dict[str, Any]:
        """As they are called here."""
        return {"figures": dict(self.figures)}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        return cls(sender, seq, sent, dict(table["figures"]))


@dataclass(frozen=True, slots=True)
class SentenceMessage(Message):
    """Readings at word level of what was typed between two pauses."""

    KIND: ClassVar[str] = "sentence"

    sentence: Sentence

    def fields(self) -> dict[str, Any]:
        """The best reading first."""
        readings = [{"text": r.text, "score": r.score, "acoustic": r.acoustic} for r in self.sentence.readings]
        return {"readings": readings, "start": self.sentence.start, "end": self.sentence.end}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        readings = [Reading(_text(r["text"]), float(r["score"]), float(r["acoustic"])) for r in table["readings"]]
        return cls(sender, seq, sent, Sentence(tuple(readings), float(table["start"]), float(table["end"])))


@dataclass(frozen=True, slots=True)
class Mark(Message):
    """A moment that somebody named by the request `mark`."""

    KIND: ClassVar[str] = "mark"

    mark: str
    """Its name."""
    time: float
    """Seconds: the newest sample then."""

    def fields(self) -> dict[str, Any]:
        """As they are called here."""
        return {"mark": self.mark, "time": self.time}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        return cls(sender, seq, sent, _text(table["mark"]), float(table["time"]))


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """The daemon lives."""

    KIND: ClassVar[str] = "heartbeat"

    next: Mapping[str, int]
    """Of the person's other topics: the number of the next message, so that a loss shows where none follows."""

    def fields(self) -> dict[str, Any]:
        """As they are called here."""
        return {"next": dict(self.next)}

    @classmethod
    def read(cls, sender: Sender, seq: int, sent: float, table: Mapping[str, Any]) -> Self:
        """Inverse of `fields`."""
        return cls(sender, seq, sent, {str(kind): _count(number) for kind, number in table["next"].items()})


KINDS: Mapping[str, type[Message]] = {
    each.KIND: each for each in (TextMessage, Final, Partial, SentenceMessage, Status, Mark, Heartbeat)
}
"""Every topic's first part, and what comes there."""


def topic(kind: str, person: str) -> bytes:
    """Topic of a kind of message about a person."""
    return f"{kind}.{person}".encode()


def table(message: Message) -> dict[str, Any]:
    """All that a message says, as plain values."""
    head = {"v": VERSION, "run": message.run, "session": message.session, "person": message.person}
    return {**head, "seq": message.seq, "sent": message.sent, **message.fields()}


def encode(message: Message, encoding: Encoding = "json") -> list[bytes]:
    """The parts of a ZeroMQ message: topic and body."""
    values = table(message)
    body = msgpack.packb(values) if encoding == "msgpack" else _json(values)
    return [topic(message.KIND, message.person), body]


def decode(parts: Sequence[bytes]) -> Message:
    """Inverse of `encode`, whatever the encoding.

    Raises:
        InputError: Not a message of this version. It quotes nothing: what came may be somebody's text.
    """
    try:
        return _message(*parts)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"a message that is not emgtype's came ({type(error).__name__}): check the endpoint") from None


def _message(name: bytes, body: bytes) -> Message:
    # An object in JSON begins with {, a map in msgpack never does.
    values = json.loads(body) if body[:1] == b"{" else msgpack.unpackb(body)
    if values["v"] != VERSION:
        found = values["v"] if isinstance(values["v"], int) else "unknown"
        raise InputError(f"a message of version {found} came, expected {VERSION}: update whichever is older")
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
