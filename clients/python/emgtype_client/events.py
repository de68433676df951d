"""What a client is told. Frozen; times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One decoded key."""

    key: str
    """A character, ⌫, ⏎, ⇧ or a space."""
    time: float
    """On the LSL clock."""
    confidence: float
    """0..1, when it was told."""


@dataclass(frozen=True, slots=True)
class Event:
    """About one person."""

    person: str


@dataclass(frozen=True, slots=True)
class Edit(Event):
    """The last `erase` keys are taken back, `insert` follows, the last `tail` may still change; the text holds it."""

    erase: int
    insert: tuple[Key, ...]
    tail: int
    time: float
    """Newest sample behind it, on the LSL clock."""
    sent: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Final(Event):
    """Of the final text the last `back` characters were taken back by typed ⌫, and `text` follows."""

    back: int
    text: str


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """The unfinished line as it stands, of which the first `final` characters are final."""

    line: str
    final: int


@dataclass(frozen=True, slots=True)
class Status(Event):
    """How the daemon fares with this person."""

    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What may have been typed."""

    text: str
    score: float
    """Nats, the language model's share included."""
    acoustic: float
    """Nats, without it."""


@dataclass(frozen=True, slots=True)
class Sentence(Event):
    """What was typed between two pauses, read once more at word level; never keys."""

    readings: tuple[Reading, ...]
    """The best first."""
    start: float
    """On the LSL clock, as `end`."""
    end: float


@dataclass(frozen=True, slots=True)
class Mark(Event):
    """A moment that somebody named by the request `mark`."""

    mark: str
    time: float
    """On the LSL clock."""


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """The daemon lives."""

    sent: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """Messages were published and did not come; of keys the text is taken anew, see `Joined`."""

    topic: str
    count: int


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """The text was taken from the daemon as it stands: at the start, after a loss, and where a daemon started anew."""

    run: str
    """Names the life of the daemon."""
