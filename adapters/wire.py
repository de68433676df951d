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
class TextMessage:
    """One edit of somebody's text."""

    sender: Sender
    seq: int
    """Counts this topic's messages from 0: a gap is a loss."""
    sent: float
    """Unix seconds."""
    event: TextEvent


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The daemon lives."""

    sender: Sender
    seq: int
    sent: float
    """Unix seconds."""


Message = TextMessage | Heartbeat


def topic(kind: str, person: str) -> bytes:
    """Topic of a kind of message about a person."""
    return f"{kind}.{person}".encode()


def encode(message: Message) -> list[bytes]:
    """The parts of a ZeroMQ message."""
    sender = message.sender
    table: dict[str, Any] = {
        "v": VERSION,
        "session": sender.session,
        "person": sender.person,
        "seq": message.seq,
        "sent": message.sent,
    }
    if isinstance(message, Heartbeat):
        return [topic(HEARTBEAT, sender.person), _json(table)]
    event = message.event
    table |= {
        "time": event.time,
        "erase": event.erase,
        "insert": labels_to_text(key.label for key in event.insert),
        "tail": event.tail,
        "keys": [
            {"key": KEYS[k.label], "label": k.label, "time": k.time, "confidence": round(k.confidence, 4)}
            for k in event.insert
        ],
    }
    return [topic(TEXT, sender.person), _json(table)]


def decode(parts: Sequence[bytes]) -> Message:
    """Inverse of `encode`.

    Raises:
        InputError: Not a message of this version.
    """
    try:
        kind = parts[0].decode().partition(".")[0]
        table = json.loads(parts[1])
        if table["v"] != VERSION:
            raise InputError(f"a message of version {table['v']!r} came, expected {VERSION}: update whichever is older")
        sender, seq, sent = Sender(table["session"], table["person"]), int(table["seq"]), float(table["sent"])
        if kind == HEARTBEAT:
            return Heartbeat(sender, seq, sent)
        keys = tuple(Key(int(k["label"]), float(k["time"]), float(k["confidence"])) for k in table["keys"])
        event = TextEvent(int(table["erase"]), keys, int(table["tail"]), float(table["time"]), seq)
        return TextMessage(sender, seq, sent, event)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"a message that is not emgtype's came ({type(error).__name__}: {error}): check the endpoint"
        ) from None


def _json(table: dict[str, Any]) -> bytes:
    return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
