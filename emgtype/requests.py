"""What a running daemon can be asked, and what it does then (docs/protocol.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from decoder.charset import labels_to_text
from decoder.errors import InputError
from decoder.messages import TextEvent
from decoder.render import KeySequence
from emgtype.daemon import Daemon, Wearer

KEPT = 10_000
"""Final keys that a late joiner can have."""
REQUESTS = ("status", "snapshot", "pause", "resume", "reset", "shutdown")


class Numbering(Protocol):
    """A publisher, as far as its numbers go."""

    @property
    def next_seq(self) -> int:
        """Of the next edit."""


class Recent:
    """A sink that keeps the newest text, for those who join late.

    Args:
        publisher: Knows the number of the next message.
    """

    def __init__(self, publisher: Numbering) -> None:
        self._keys = KeySequence(keep=KEPT)
        self._publisher = publisher

    def push(self, event: TextEvent) -> None:
        """Apply an edit."""
        self._keys.push(event)

    def snapshot(self) -> dict[str, Any]:
        """The keys as they stand before the message `seq`: the last `tail` of them may still change."""
        final, tail = ([key.label for key in keys] for keys in (self._keys.final, self._keys.tail))
        return {"keys": labels_to_text([*final, *tail]), "tail": len(tail), "seq": self._publisher.next_seq}


@dataclass(frozen=True, slots=True)
class Served:
    """A wearer, and what there is to tell about them."""

    wearer: Wearer
    recent: Recent
    status: Callable[[], Mapping[str, Any]]
    """Figures of their source and stages."""


@dataclass(slots=True)
class Requests:
    """Answers requests by acting on the daemon."""

    daemon: Daemon
    people: Mapping[str, Served]
    """By name."""
    common: Callable[[], Mapping[str, Any]] = field(default=dict)
    """Figures that are nobody's alone."""

    def answer(self, do: str, person: str | None, arg: str | None = None) -> dict[str, Any]:
        """Do what is asked of one person, or of everybody.

        Raises:
            InputError: A request or a person that is not known, or an argument that it does not take; nothing was done.
        """
        if do not in REQUESTS:
            raise InputError(f"the request {do[:40]!r} is not known: expected one of {', '.join(REQUESTS)}")
        if arg is not None:
            raise InputError(f"the request {do} takes no argument: leave it out")
        if person is not None and person not in self.people:
            raise InputError(f"nobody is called {person[:40]!r} here: expected one of {', '.join(self.people)}")
        if do == "shutdown":
            self.daemon.stop()
            return {}
        chosen = {name: each for name, each in self.people.items() if person in (None, name)}
        if do == "status":
            return {"people": {name: self._status(each) for name, each in chosen.items()}, **self.common()}
        if do == "snapshot":
            return {"people": {name: each.recent.snapshot() for name, each in chosen.items()}}
        for each in chosen.values():
            {"pause": self.daemon.pause, "resume": self.daemon.resume, "reset": self.daemon.reset}[do](each.wearer)
        return {"people": sorted(chosen)}

    @staticmethod
    def _status(each: Served) -> dict[str, Any]:
        wearer = each.wearer
        state = "gone" if wearer.gone else "paused" if wearer.paused else "stalled" if wearer.stalled else "decoding"
        return {"state": state, "samples": wearer.samples, **each.status()}
