"""What a running daemon can be asked, and what it does then (docs/protocol.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from messages.errors import InputError

if TYPE_CHECKING:  # what `emgtype control`, which wants the names alone, need not wait for
    from emgtype.live.daemon import Daemon, Wearer
    from emgtype.live.exchange import Exchange
    from emgtype.live.keeping import Keeping
    from emgtype.live.member import Member, Roster

WITH_ARGUMENT = {"mark": "NAME", "reload": "BUNDLE", "profile": "NAME"}
"""Requests that want one, and what it is."""
LOADING = ("reload", "profile")
"""Requests that are done some time after they were answered; `status` tells when."""
OF_KEYS = ("arm", "disarm", "undo")
"""Requests to what types into windows."""
REQUESTS = ("status", "snapshot", "pause", "resume", "reset", *OF_KEYS, *WITH_ARGUMENT, "flight", "shutdown")
_LONGEST_MARK = 256


@dataclass(slots=True)
class Requests:
    """Answers requests by acting on the daemon."""

    daemon: "Daemon"
    roster: "Roster"
    exchange: "Exchange"
    keeping: "Keeping"

    def answer(self, do: str, person: str | None, arg: str | None = None) -> dict[str, Any]:
        """Do what is asked of one person, or of everybody.

        Raises:
            InputError: A request or a person that is not known, an argument that it does not take or that is missing,
                or what cannot be done; nothing was done.
        """
        self._check(do, person, arg)
        members = self.roster.members
        chosen = {name: member for name, member in members.items() if person in (None, name)}
        names, argument = sorted(chosen), arg or ""
        acts: dict[str, Callable[[], dict[str, Any] | None]] = {
            "status": lambda: self._status(chosen),
            "snapshot": lambda: {"people": {name: member.recent.snapshot() for name, member in chosen.items()}},
            "pause": lambda: self._each(chosen, self.daemon.pause),
            "resume": lambda: self._each(chosen, self.daemon.resume),
            "reset": lambda: self._each(chosen, self.daemon.reset),
            "mark": lambda: _mark(chosen, argument),
            "reload": lambda: self.exchange.reload(names, argument),
            "profile": lambda: self.exchange.profile(names, argument),
            "flight": lambda: {"people": self.keeping.dump(*names)},
            "shutdown": self.daemon.stop,
        }
        acts.update({each: lambda: _keys(chosen, do) for each in OF_KEYS})
        return acts[do]() or {"people": names}

    def _check(self, do: str, person: str | None, arg: str | None) -> None:
        members = self.roster.members
        if do not in REQUESTS:
            raise InputError(f"the request {do[:40]!r} is not known: expected one of {', '.join(REQUESTS)}")
        if arg is not None and do not in WITH_ARGUMENT:
            raise InputError(f"the request {do} takes no argument: leave it out")
        if arg is None and do in WITH_ARGUMENT:
            raise InputError(f"the request {do} wants a {WITH_ARGUMENT[do]} as its argument: add it")
        if person is not None and person not in members:
            raise InputError(f"nobody is called {person[:40]!r} here: expected one of {', '.join(members)}")

    def _status(self, chosen: Mapping[str, "Member"]) -> dict[str, Any]:
        people = {name: member.status() for name, member in chosen.items()}
        return {"people": people, "encoders": self.roster.encoders(), **self.exchange.status()}

    @staticmethod
    def _each(chosen: Mapping[str, "Member"], act: Callable[["Wearer"], None]) -> None:
        for member in chosen.values():
            act(member.wearer)


def _keys(chosen: Mapping[str, "Member"], do: str) -> None:
    sinks = [member.keys for member in chosen.values() if member.keys]
    if not sinks:
        raise InputError(f"the request {do} is for what types into windows: start the daemon with --inject")
    for keys in sinks:
        {"arm": keys.arm, "disarm": keys.disarm, "undo": keys.undo}[do]()


def _mark(chosen: Mapping[str, "Member"], name: str) -> None:
    if len(name) > _LONGEST_MARK or not name.isprintable():
        raise InputError(f"the name of a mark must be up to {_LONGEST_MARK} printable characters")
    for member in chosen.values():
        member.mark(name, member.wearer.newest)
