"""What a running daemon can be asked, and what it does then (docs/protocol.md)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decoder.errors import InputError

if TYPE_CHECKING:  # what `emgtype control`, which wants the names alone, need not wait for
    from emgtype.daemon import Daemon
    from emgtype.exchange import Exchange
    from emgtype.member import Roster

WITH_ARGUMENT = {"reload": "BUNDLE", "profile": "NAME"}
"""Requests that want one, and what it is."""
REQUESTS = ("status", "snapshot", "pause", "resume", "reset", *WITH_ARGUMENT, "shutdown")


@dataclass(slots=True)
class Requests:
    """Answers requests by acting on the daemon."""

    daemon: "Daemon"
    roster: "Roster"
    exchange: "Exchange"

    def answer(self, do: str, person: str | None, arg: str | None = None) -> dict[str, Any]:
        """Do what is asked of one person, or of everybody.

        Raises:
            InputError: A request or a person that is not known, or an argument that it does not take or that is
                missing; nothing was done.
        """
        members = self.roster.members
        if do not in REQUESTS:
            raise InputError(f"the request {do[:40]!r} is not known: expected one of {', '.join(REQUESTS)}")
        if arg is not None and do not in WITH_ARGUMENT:
            raise InputError(f"the request {do} takes no argument: leave it out")
        if person is not None and person not in members:
            raise InputError(f"nobody is called {person[:40]!r} here: expected one of {', '.join(members)}")
        if do == "shutdown":
            self.daemon.stop()
            return {}
        chosen = {name: member for name, member in members.items() if person in (None, name)}
        if do == "status":
            people = {name: member.status() for name, member in chosen.items()}
            return {"people": people, "encoders": self.roster.encoders(), **self.exchange.status()}
        if do == "snapshot":
            return {"people": {name: member.recent.snapshot() for name, member in chosen.items()}}
        if do in WITH_ARGUMENT:
            if arg is None:
                raise InputError(f"the request {do} wants a {WITH_ARGUMENT[do]} as its argument: add it")
            {"reload": self.exchange.reload, "profile": self.exchange.profile}[do](list(chosen), arg)
        else:
            step = {"pause": self.daemon.pause, "resume": self.daemon.resume, "reset": self.daemon.reset}[do]
            for member in chosen.values():
                step(member.wearer)
        return {"people": sorted(chosen)}
