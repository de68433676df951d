"""The events of a client. All are frozen; times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One decoded key."""

    key: str
    """A character, ⌫, ⏎, ⇧ or a space."""
    time: float
    """Time of the key on the LSL clock."""
    confidence: float
    """Posterior of the key when it was sent, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events: something about one person."""

    person: str
    """Name of the person."""


@dataclass(frozen=True, slots=True)
class Edit(Event):
    """A change of the keys, which the client's text contains already."""

    erase: int
    """Number of last keys that are taken back."""
    insert: tuple[Key, ...]
    """Keys that follow then."""
    tail: int
    """Number of last keys that may still change."""
    time: float
    """Newest sample behind the edit, on the LSL clock."""
    sent: float
    """Unix time at which it was sent."""


@dataclass(frozen=True, slots=True)
class Final(Event):
    """A change of the final text."""

    back: int
    """Number of characters that typed ⌫ took back."""
    text: str
    """Final text that follows then."""


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """The unfinished line, including its end that may still change."""

    line: str
    """Last 256 characters of the line."""
    final: int
    """Number of first characters that are final."""


@dataclass(frozen=True, slots=True)
class Status(Event):
    """The state of the daemon for this person."""

    figures: Mapping[str, Any]
    """The answer of the request `status` about the person."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One possible reading of a sentence."""

    text: str
    """The text."""
    score: float
    """Score in nats, the language model's share included."""
    acoustic: float
    """Score in nats without the language model's share."""


@dataclass(frozen=True, slots=True)
class Sentence(Event):
    """The keys between two pauses, read once more at word level; a program that acts on keys must ignore it."""

    readings: tuple[Reading, ...]
    """The readings, the best one first."""
    start: float
    """Time of the first key on the LSL clock."""
    end: float
    """Time of the last key on the LSL clock."""


@dataclass(frozen=True, slots=True)
class Mark(Event):
    """A moment that the request `mark` gave a name."""

    mark: str
    """The name."""
    time: float
    """Newest sample at that moment, on the LSL clock."""


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """A sign that the daemon lives."""

    sent: float
    """Unix time at which it was sent."""


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """Messages were published and did not come; after lost keys the client takes the text anew (see `Joined`)."""

    topic: str
    """First part of the topic of the lost messages."""
    count: int
    """Number of lost messages."""


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """The client has taken the whole text from the daemon: at the start, after a loss, and from a new daemon."""

    run: str
    """Name of the run of the daemon."""
