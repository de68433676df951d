"""Requests to a running daemon, and the actions that answer them (docs/protocol.md)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from messages.errors import InputError

if TYPE_CHECKING:
    # `emgtype control` needs the names of the requests alone, and need not wait for these imports.
    from emgtype.live.daemon import Daemon
    from emgtype.live.exchange import Exchange
    from emgtype.live.outputs import Outputs
    from emgtype.live.recordings import Recordings
    from emgtype.live.wearer import Wearer

WITH_ARGUMENT = {"mark": "NAME", "reload": "BUNDLE", "profile": "NAME"}
"""Requests that take an argument, and its name."""
LOADING = ("reload", "profile")
"""Requests that are answered before they are done; `status` shows when they are."""
INJECTING = ("arm", "disarm", "undo")
"""Requests about typing into windows."""
REQUESTS = ("status", "snapshot", "pause", "resume", "reset", *INJECTING, *WITH_ARGUMENT, "flight", "shutdown")
_LONGEST_MARK = 256


@dataclass(slots=True)
class Requests:
    """Answers requests by acting on the daemon and the outputs of the wearers."""

    daemon: "Daemon"
    outputs: "Mapping[str, Outputs]"
    """Of each wearer, by name."""
    exchange: "Exchange"
    recordings: "Recordings"

    def answer(self, do: str, person: str | None, arg: str | None = None) -> dict[str, Any]:
        """Do what is requested and return the answer.

        Args:
            do: Name of the request.
            person: Wearer that it is about; None: everybody.
            arg: Argument, where the request takes one.

        Raises:
            InputError: Request or wearer are unknown, the argument is missing or not expected, or the request cannot be
                fulfilled; nothing was done.
        """
        self._check(do, person, arg)
        names = [name for name in self.daemon.wearers if person in (None, name)]
        wearers = [self.daemon.wearers[name] for name in names]
        outputs = [self.outputs[name] for name in names]
        argument = arg or ""
        actions: dict[str, Callable[[], dict[str, Any] | None]] = {
            "status": lambda: self._status(wearers),
            "snapshot": lambda: {"people": {name: self.outputs[name].recent.snapshot() for name in names}},
            "pause": lambda: _for_each(wearers, self.daemon.pause),
            "resume": lambda: _for_each(wearers, self.daemon.resume),
            "reset": lambda: _for_each(wearers, self.daemon.reset),
            "mark": lambda: self._mark(wearers, argument),
            "reload": lambda: self.exchange.reload(sorted(names), argument),
            "profile": lambda: self.exchange.profile(sorted(names), argument),
            "flight": lambda: {"people": self.recordings.write_flights(*sorted(names))},
            "shutdown": self.daemon.stop,
            **{request: lambda: _inject(outputs, do) for request in INJECTING},
        }
        return actions[do]() or {"people": sorted(names)}

    def _check(self, do: str, person: str | None, arg: str | None) -> None:
        if do not in REQUESTS:
            raise InputError(f"the request {do[:40]!r} is not known: expected one of {', '.join(REQUESTS)}")
        if arg is not None and do not in WITH_ARGUMENT:
            raise InputError(f"the request {do} takes no argument: leave it out")
        if arg is None and do in WITH_ARGUMENT:
            raise InputError(f"the request {do} wants a {WITH_ARGUMENT[do]} as its argument: add it")
        if person is not None and person not in self.daemon.wearers:
            raise InputError(f"nobody is called {person[:40]!r} here: expected one of {', '.join(self.daemon.wearers)}")

    def _status(self, wearers: "Iterable[Wearer]") -> dict[str, Any]:
        people = {wearer.name: self.outputs[wearer.name].status(wearer) for wearer in wearers}
        return {"people": people, "encoders": self.daemon.encoders(), **self.exchange.status()}

    def _mark(self, wearers: "Iterable[Wearer]", mark: str) -> None:
        if len(mark) > _LONGEST_MARK or not mark.isprintable():
            raise InputError(f"the name of a mark must be up to {_LONGEST_MARK} printable characters")
        for wearer in wearers:
            self.outputs[wearer.name].publisher.mark(mark, wearer.newest)


def _for_each(wearers: "Iterable[Wearer]", act: "Callable[[Wearer], None]") -> None:
    for wearer in wearers:
        act(wearer)


def _inject(outputs: "Iterable[Outputs]", request: str) -> None:
    injectors = [each.injector for each in outputs if each.injector]
    if not injectors:
        raise InputError(f"the request {request} is about typing into windows: start the daemon with --inject")
    for injector in injectors:
        {"arm": injector.arm, "disarm": injector.disarm, "undo": injector.undo}[request]()
