"""One stream of a source in virtual time: silent, ended, looked for by its name, and back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adapters.lsl import _live_stream
from adapters.lsl._live_stream import LiveStream
from adapters.lsl.discover import StreamSummary
from adapters.lsl.inlet import StreamLostError
from messages.notice import sentences
from messages.signal import Layout
from streamer.arrival.intake import Delivery

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 2)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class ScriptedInlet:
    """Brings a sample, nothing, or the end of the stream, as scripted; nothing afterwards."""

    sides = ("left", "right")
    notes = ()
    numbered = False

    def __init__(self, clock: Clock, script: str = "", *, uid: str = "first", shift: float = 0.0) -> None:
        self.stream = StreamSummary("emg", "EMG", 4, 2000.0, "float32", "", "here")
        self.uid = uid
        self.shift = shift
        self.is_closed = False
        self._clock = clock
        self._script: Iterator[str] = iter(script)

    def pull(self, timeout: float) -> Delivery | None:
        event = next(self._script, "-")
        if event == "x":
            raise StreamLostError("ended")
        if event == "-":
            self._clock.sleep(timeout)
            return None
        return Delivery(np.zeros((1, 4), np.float32), np.array([self._clock()]), None, self._clock())

    def flush(self) -> int:
        return 0

    def close(self) -> None:
        self.is_closed = True


class Search:
    """In place of a `Reconnect`."""

    started: list["Search"]

    def __init__(self, name: str, layout: Layout, sides: tuple[str, ...], old_uid: str) -> None:
        self.request = name, sides, old_uid
        self.result: Any = None
        self.ends: list[str] = []
        self.started.append(self)

    def inlet(self) -> Any:
        return self.result

    def close(self) -> None:
        self.ends.append("closed")

    def abandon(self) -> None:
        self.ends.append("abandoned")


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Search]:
    searches: list[Search] = []
    monkeypatch.setattr(Search, "started", searches, raising=False)
    monkeypatch.setattr(_live_stream, "Reconnect", Search)
    return searches


def live(clock: Clock, inlet: ScriptedInlet, *, reconnects: bool = True) -> LiveStream:
    return LiveStream("emg@1", inlet, LAYOUT, clock=clock, sleep=clock.sleep, reconnects=reconnects)


def pull_for(stream: LiveStream, clock: Clock, seconds: float) -> int:
    """Pull for so long; return how many deliveries came."""
    end, count = clock() + seconds, 0
    while clock() < end:
        count += stream.pull(0.1) is not None
    return count


def test_a_stream_is_silent_after_a_fifth_of_a_second(searches: list[Search]) -> None:
    clock = Clock()
    stream = live(clock, ScriptedInlet(clock, "s---s"))
    assert stream.pull(0.1) is not None
    assert [(stream.pull(0.1), stream.is_silent) for _ in range(3)] == [(None, False), (None, False), (None, True)]
    assert stream.pull(0.1) is not None
    assert not stream.is_silent
    assert searches == []


def test_a_silent_stream_is_looked_for_after_ten_seconds_and_the_search_is_left_when_it_comes(
    searches: list[Search],
) -> None:
    clock = Clock()
    stream = live(clock, ScriptedInlet(clock, "s" + "-" * 105 + "s"))
    pull_for(stream, clock, 9.9)
    assert (searches, stream.notices()) == ([], [])
    pull_for(stream, clock, 0.4)
    (search,) = searches
    assert search.request == ("emg@1", ("left", "right"), "first")
    assert sentences(stream.notices())[0].startswith("stream 'emg' has been silent for 10 s: another stream")
    assert pull_for(stream, clock, 1.0) == 1
    assert (search.ends, stream.notices(), stream.returns) == (["abandoned"], [], 0)


def test_an_ended_stream_is_looked_for_at_once_and_goes_on_with_the_one_found(searches: list[Search]) -> None:
    clock = Clock()
    first, second = ScriptedInlet(clock, "sx"), ScriptedInlet(clock, "ss", uid="second")
    stream = live(clock, first)
    assert stream.pull(0.1) is not None
    assert stream.pull(0.1) is None
    (search,) = searches
    assert sentences(stream.notices())[0].startswith("stream 'emg' has ended and has no source id: another stream")
    before = clock()
    assert pull_for(stream, clock, 1.0) == 0
    assert clock() == pytest.approx(before + 1.0, abs=0.11)
    search.result = second
    assert stream.pull(0.1) is not None
    assert (first.is_closed, search.ends, stream.returns, stream.notices()) == (True, ["closed"], 1, [])
    stream.close()
    assert second.is_closed


def test_without_reconnects_an_ended_stream_stays_away_and_time_passes(searches: list[Search]) -> None:
    clock = Clock()
    stream = live(clock, ScriptedInlet(clock, "x"), reconnects=False)
    assert pull_for(stream, clock, 1.0) == 0
    assert (searches, stream.has_ended, stream.is_silent) == ([], True, True)


def test_closing_ends_the_search_and_leaves_the_stream_that_it_found(searches: list[Search]) -> None:
    clock = Clock()
    first, second = ScriptedInlet(clock, "x"), ScriptedInlet(clock)
    stream = live(clock, first)
    stream.pull(0.1)
    searches[0].result = second
    stream.close()
    assert (first.is_closed, second.is_closed, searches[0].ends) == (True, True, ["closed"])


def test_stamps_of_another_clock_are_reported(searches: list[Search]) -> None:
    clock = Clock()
    (words,) = sentences(live(clock, ScriptedInlet(clock, shift=3.04)).notices())
    assert words.startswith("the time stamps of stream 'emg' are 3.0 s behind this machine's LSL clock: ")
