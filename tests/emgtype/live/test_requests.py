"""Requests act on the wearers that they name, and on nothing where they are refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from emgtype.live.daemon import Daemon
from emgtype.live.requests import LOADING, REQUESTS, WITH_ARGUMENT, Requests
from emgtype.live.wearer import Wearer
from messages.errors import InputError
from tests.emgtype.live.fakes import FakeClock, FakeGroup, FakeListener, FakeSource, LoggingPipeline, fake_lines


@dataclass
class FakeOutputs:
    """The outputs of one wearer, as far as requests use them."""

    injector: Any = None
    calls: list[str] = field(default_factory=list)

    @property
    def recent(self) -> "FakeOutputs":
        return self

    @property
    def publisher(self) -> "FakeOutputs":
        return self

    def snapshot(self) -> dict[str, Any]:
        return {"keys": "", "tail": 0}

    def status(self, wearer: Wearer) -> dict[str, Any]:
        return {"state": wearer.state}

    def mark(self, name: str, time: float) -> None:
        self.calls.append(f"mark {name} {time:g}")


class FakeExchange:
    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def status(self) -> dict[str, Any]:
        return {"loading": False, "load_error": None}

    def reload(self, names: list[str], bundle: str) -> None:
        self._calls.append(f"reload {','.join(names)} {bundle}")

    def profile(self, names: list[str], profile: str) -> None:
        self._calls.append(f"profile {','.join(names)} {profile}")


class FakeInjector:
    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def arm(self) -> None:
        self._calls.append("arm")

    def disarm(self) -> None:
        self._calls.append("disarm")

    def undo(self) -> None:
        self._calls.append("undo")


class FakeRecordings:
    def write_flights(self, *names: str) -> dict[str, Any]:
        return {name: {"flight": f"{name}.flight"} for name in names}


class Asked:
    """A daemon of bob and ann, in this order, whose requests are answered."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.pipelines = [LoggingPipeline() for _ in "ba"]
        lines = fake_lines(FakeGroup(self.pipelines), ["bob", "ann"])
        wearers = [Wearer(line.name, FakeSource(), [line], FakeListener()) for line in lines]
        self.daemon = Daemon(wearers, stall=1.0, heartbeat_every=1.0, notify=lambda _notice: None, clock=FakeClock())
        self.outputs = {name: FakeOutputs(calls=self.calls) for name in ("bob", "ann")}
        self.requests = Requests(
            self.daemon, cast(Any, self.outputs), cast(Any, FakeExchange(self.calls)), cast(Any, FakeRecordings())
        )

    @property
    def ask(self) -> Callable[..., dict[str, Any]]:
        return self.requests.answer


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_request_without_a_name_is_about_everybody_in_the_order_of_the_names(asked: Asked) -> None:
    assert asked.ask("pause", None) == {"people": ["ann", "bob"]}
    assert [pipeline.log for pipeline in asked.pipelines] == [["finish"]] * 2
    assert asked.ask("resume", "bob") == {"people": ["bob"]}
    assert [wearer.paused for wearer in asked.daemon.wearers.values()] == [False, True]
    asked.ask("reset", "bob")
    assert asked.pipelines[0].log == ["finish", "finish", "reset"]


def test_the_status_and_the_snapshot_are_by_name(asked: Asked) -> None:
    asked.daemon.pause(asked.daemon.wearers["ann"])
    status = asked.ask("status", None)
    assert list(status) == ["people", "encoders", "loading", "load_error"]
    assert status["people"] == {"bob": {"state": "decoding"}, "ann": {"state": "paused"}}
    assert status["encoders"][0]["people"] == ["bob", "ann"]
    assert list(asked.ask("status", "ann")["people"]) == ["ann"]
    assert asked.ask("snapshot", "bob") == {"people": {"bob": {"keys": "", "tail": 0}}}


def test_arguments_reach_their_part_of_the_daemon(asked: Asked) -> None:
    asked.daemon.wearers["ann"].newest = 2.5
    asked.ask("mark", "ann", "here")
    asked.ask("reload", None, "generic")
    asked.ask("profile", "bob", "careful")
    assert asked.calls == ["mark here 2.5", "reload ann,bob generic", "profile bob careful"]
    flights = {"people": {"ann": {"flight": "ann.flight"}, "bob": {"flight": "bob.flight"}}}
    assert asked.ask("flight", None) == flights


def test_a_shutdown_ends_the_run(asked: Asked) -> None:
    asked.ask("shutdown", None)
    asked.daemon.run()  # at once
    assert [pipeline.log for pipeline in asked.pipelines] == [["finish"]] * 2


@pytest.mark.parametrize("request_name", ["arm", "disarm", "undo"])
def test_requests_about_typing_into_windows_need_an_injector(asked: Asked, request_name: str) -> None:
    with pytest.raises(InputError, match=f"the request {request_name} is about typing into windows: start"):
        asked.ask(request_name, None)
    asked.outputs["ann"].injector = FakeInjector(asked.calls)
    asked.ask(request_name, None)
    assert asked.calls == [request_name]


@pytest.mark.parametrize(
    ("do", "person", "arg", "because"),
    [
        ("dance", None, None, "'dance' is not known: expected one of status, snapshot"),
        ("pause", "carl", None, "nobody is called 'carl' here: expected one of bob, ann"),
        ("pause", None, "now", "the request pause takes no argument"),
        ("mark", None, None, "the request mark wants a NAME"),
        ("reload", None, None, "the request reload wants a BUNDLE"),
        ("mark", None, "x" * 257, "up to 256 printable"),
        ("mark", None, "a\tb", "up to 256 printable"),
    ],
)
def test_a_refused_request_does_nothing(
    asked: Asked, do: str, person: str | None, arg: str | None, because: str
) -> None:
    with pytest.raises(InputError, match=because):
        asked.ask(do, person, arg)
    assert asked.calls == []
    assert [pipeline.log for pipeline in asked.pipelines] == [[], []]


def test_every_request_has_an_action(asked: Asked) -> None:
    asked.outputs["ann"].injector = FakeInjector(asked.calls)
    for name in REQUESTS:
        assert asked.ask(name, "ann", "x" if name in WITH_ARGUMENT else None)
    assert set(LOADING) <= set(REQUESTS)
