"""The search for a stream by its name: until one is there that is not the old one and fits."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.lsl import _reconnect
from adapters.lsl._reconnect import Reconnect
from messages.errors import InputError
from messages.signal import Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)


@dataclass
class FakeInfo:
    id: str
    fits: bool = True

    def uid(self) -> str:
        return self.id


@dataclass
class FakeInlet:
    """In place of a `StreamInlet`: refuses a stream that does not fit."""

    info: FakeInfo
    inlet: Any
    layout: Layout
    sides: tuple[str, ...]
    opened: bool = False

    def __post_init__(self) -> None:
        if not self.info.fits:
            raise InputError("does not fit")

    def open(self) -> None:
        self.opened = True


@dataclass
class Network:
    """What each round of the search finds; nothing after the last."""

    rounds: list[FakeInfo | None] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, names: list[str], timeout: float) -> list[FakeInfo]:
        self.asked.append(names)
        info = self.rounds.pop(0) if self.rounds else None
        if info is None:
            raise InputError("not there")
        return [info]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(_reconnect, "resolve", network.resolve)
    monkeypatch.setattr(_reconnect, "connected", lambda info: f"connected {info.uid()}")
    monkeypatch.setattr(_reconnect, "StreamInlet", FakeInlet)
    monkeypatch.setattr(_reconnect, "_PAUSE_S", 0.001)
    return network


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5.0
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    assert holds()


def test_the_old_outlet_and_streams_that_do_not_fit_are_passed_over(network: Network) -> None:
    network.rounds = [None, FakeInfo("old"), FakeInfo("odd", fits=False), None, FakeInfo("new")]
    with Reconnect("emg", LAYOUT, ["left"], "old") as search:
        until(lambda: search.inlet() is not None)
        inlet: Any = search.inlet()
    assert (inlet.info.id, inlet.inlet, inlet.sides, inlet.opened) == ("new", "connected new", ("left",), True)
    assert network.asked == [["emg"]] * 5


def test_nothing_is_there_until_the_stream_is(network: Network) -> None:
    with Reconnect("emg", LAYOUT, ["left"], "old") as search:
        until(lambda: len(network.asked) > 3)
        assert search.inlet() is None
    asked = len(network.asked)
    assert search.inlet() is None
    time.sleep(0.02)
    assert len(network.asked) == asked


def test_an_abandoned_search_ends_without_being_waited_for(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(names: list[str], timeout: float) -> list[FakeInfo]:
        is_asked.set()
        may_answer.wait(5.0)
        return network.resolve(names, timeout)

    monkeypatch.setattr(_reconnect, "resolve", slow)
    search = Reconnect("emg", LAYOUT, ["left"], "old")
    assert is_asked.wait(5.0)
    search.abandon()
    assert search.inlet() is None
    may_answer.set()
    search.close()
    assert len(network.asked) == 1
