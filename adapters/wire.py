"""What travels over ZeroMQ: topics and versioned JSON, encoded and decoded. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from decoder.charset import KEYS, labels_to_text
from decoder.errors import InputError
from decoder.messages import Key, TextEvent

VERSION = 1
TEXT, HEARTBEAT = "text", "heartbeat"
"""First parts of the topics; the person follows after a dot."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who publishes."""

    session: str
    person: str

    def __post_init__(self) -> None:
        if not self.person or any(c.isspace() or c == "." for c in self.person):
            raise InputError(
                f"the person {self.person!r} cannot be part of a topic: use a name without spaces and dots"
            )


@dataclass(frozen=True, slots=True)
class _Message:
    """What every message says."""

    sender: Sender
    seq: int
    """Counts this topic's messages from 0: a gap is a loss."""
    sent: float
    """Unix seconds."""

    @property
    def session(self) -> str:
        """Names the sender's run."""
        return self.sender.session

    @property
    def person(self) -> str:
        """Who types."""
        return self.sender.person


@dataclass(frozen=True, slots=True)
class Heartbeat(_Message):
    """The daemon lives."""


@dataclass(frozen=True, slots=True)
class TextMessage(_Message):
    """One edit of somebody's text."""

    event: TextEvent
    """Its `seq` is this message's: the publisher's numbers do not start anew when the decoder does."""


Message = TextMessage | Heartbeat


def topic(kind: str, person: str) -> bytes:
    """Topic of a kind of message about a person."""
    return f"{kind}.{person}".encode()


def encode(message: Message) -> list[bytes]:
    """The parts of a ZeroMQ message."""
    session, person, seq, sent = message.session, message.person, message.seq, message.sent
    if isinstance(message, TextMessage):
        return encode_text(message.event, session=session, person=person, seq=seq, sent=sent)
    return encode_heartbeat(session=session, person=person, seq=seq, sent=sent)


def encode_heartbeat(*, session: str, person: str, seq: int, sent: float) -> list[bytes]:
    """A heartbeat's parts: topic and JSON; `seq` counts its topic, `sent` is unix seconds."""
    return [topic(HEARTBEAT, person), _json(_head(session, person, seq, sent))]


def encode_text(event: TextEvent, *, session: str, person: str, seq: int, sent: float) -> list[bytes]:
    """An edit's parts: topic and JSON; `seq` counts its topic (the event's own is not sent), `sent` is unix seconds.

    Confidences are rounded to 4 decimals.
    """
    table = _head(session, person, seq, sent) | {
        "time": event.time,
        "erase": event.erase,
        "insert": labels_to_text(key.label for key in event.insert),
        "tail": event.tail,
        "keys": [
            {"key": KEYS[k.label], "label": k.label, "time": k.time, "confidence": round(k.confidence, 4)}
            for k in event.insert
        ],
    }
    return [topic(TEXT, person), _json(table)]


def decode(parts: Sequence[bytes]) -> Message:
    """Inverse of `encode`.

    Raises:
        InputError: Not a message of this version.
    """
    try:
        return _message(*parts)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(
            f"a message that is not emgtype's came ({type(error).__name__}: {error}): check the endpoint"
        ) from None


def _message(name: bytes, body: bytes) -> Message:
    table = json.loads(body)
    if table["v"] != VERSION:
        raise InputError(f"a message of version {table['v']!r} came, expected {VERSION}: update whichever is older")
    sender, seq, sent = Sender(table["session"], table["person"]), int(table["seq"]), float(table["sent"])
    if name == topic(HEARTBEAT, sender.person):
        return Heartbeat(sender, seq, sent)
    if name != topic(TEXT, sender.person):
        raise ValueError(f"topic {name!r} of {sender.person!r}")
    keys = tuple(Key(int(k["label"]), float(k["time"]), float(k["confidence"])) for k in table["keys"])
    event = TextEvent(int(table["erase"]), keys, int(table["tail"]), float(table["time"]), seq)
    if min(event.erase, event.tail, seq) < 0 or not all(0 <= key.label < len(KEYS) for key in keys):
        raise ValueError("a number out of range")
    return TextMessage(sender, seq, sent, event)


def _head(session: str, person: str, seq: int, sent: float) -> dict[str, Any]:
    return {"v": VERSION, "session": session, "person": person, "seq": seq, "sent": sent}


def _json(table: dict[str, Any]) -> bytes:
    return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
