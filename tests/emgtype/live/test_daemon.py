from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from emgtype.live.daemon import Daemon
from emgtype.live.line import Line
from emgtype.live.wearer import Wearer
from messages.errors import InputError
from messages.notice import Notice, sentence
from messages.signal import Chunk
from messages.text import TextEvent
from simulator.session import LAYOUT
from tests.emgtype.live.fakes import (
    EventLog,
    FakeClock,
    FakeGroup,
    FakeListener,
    FakeSource,
    LoggingPipeline,
    LoggingRecorder,
    chunk,
    fake_lines,
)

PIECE = 0.016  # seconds between two pieces of a wearer who types


class ScriptedSource(FakeSource):
    """Gives chunks of the sizes in a script; a None passes the time that was waited."""

    def __init__(self, clock: FakeClock, script: list[int | None]) -> None:
        super().__init__()
        self.clock = clock
        self.script = script

    def pull(self, timeout: float) -> Chunk | None:
        assert 0 <= timeout <= 0.2
        step = self.script.pop(0) if self.script else None
        self.clock.now += timeout if step is None else step / LAYOUT.rate
        return None if step is None else chunk(step)


@dataclass
class TypingSource(FakeSource):
    """A piece each 16 ms except in the silences; an error from `lost` on. One of several must not be waited for."""

    clock: FakeClock
    silences: Sequence[tuple[float, float]] = ()
    lost: float = np.inf
    due: float = 0.0
    waits: list[float] = field(default_factory=list)
    silent_streams: list[str] = field(default_factory=list)

    def pull(self, timeout: float) -> Chunk | None:
        self.waits.append(timeout)
        if self.clock.now >= self.lost:
            raise InputError("stream 's' has ended")
        while any(start <= self.due < end for start, end in self.silences):
            self.due += PIECE
        if self.due > self.clock.now:
            self.clock.now += min(timeout, self.due - self.clock.now)
        if self.due > self.clock.now:
            return None
        self.due += PIECE
        return chunk(32)


class Log(list[str]):
    """Sentences of notices, behind the wearer's name where it has one."""

    def notify(self, notice: Notice) -> None:
        label = f"{notice.subject}: " if notice.subject else ""
        self.append(label + sentence(notice))


def run(script: list[int | None], seconds: float) -> tuple[LoggingPipeline, list[str], EventLog, int]:
    """Run a daemon of one wearer; return its pipeline, its log, its events, and its number of heartbeats."""
    clock, log, events, listener = FakeClock(), Log(), EventLog(), FakeListener()
    pipeline = LoggingPipeline(clock)
    (line,) = fake_lines(FakeGroup([pipeline]), [""])
    line.sinks.append(events)
    wearer = Wearer("", ScriptedSource(clock, script), [line], listener)
    daemon = Daemon([wearer], stall=1.0, heartbeat_every=0.5, notify=log.notify, clock=clock)
    daemon.run(seconds)
    return pipeline, log, events, listener.calls.count("heartbeat ")


class People:
    """A daemon of several: a group for each list of sources; named a, b, .. unless there is one alone."""

    def __init__(
        self,
        *groups: TypingSource | list[TypingSource],
        bad: float = np.inf,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        lists = [group if isinstance(group, list) else [group] for group in groups]
        sources = [source for group in lists for source in group]
        names = list("abcd"[: len(sources)]) if len(sources) > 1 else [""]
        self.clock = sources[0].clock
        if sleep:
            self.clock.sleep = sleep  # type: ignore[method-assign, assignment]
        for source in sources:
            source.clock = self.clock
        self.log = Log()
        self.pipelines = [LoggingPipeline(self.clock) for _ in sources]
        self.pipelines[0].bad = bad
        self.events = [EventLog() for _ in sources]
        self.listeners = [FakeListener() for _ in sources]
        self.groups: list[FakeGroup] = []
        lines: list[Line] = []
        for group in lists:
            part = slice(len(lines), len(lines) + len(group))
            self.groups.append(FakeGroup(self.pipelines[part]))
            lines += fake_lines(self.groups[-1], names[part])
        for line, events in zip(lines, self.events, strict=True):
            line.sinks.append(events)
        self.wearers = [
            Wearer(name, source, [line], listener)
            for name, source, line, listener in zip(names, sources, lines, self.listeners, strict=True)
        ]
        self.daemon = Daemon(self.wearers, stall=1.0, heartbeat_every=0.5, notify=self.log.notify, clock=self.clock)

    def run(self, seconds: float) -> None:
        self.daemon.run(seconds)

    @property
    def stories(self) -> list[list[str]]:
        return [pipeline.story for pipeline in self.pipelines]


def test_every_event_reaches_the_sinks_and_the_end_finishes_the_text() -> None:
    pipeline, log, events, _ = run([32, 32, 32], 0.04)
    assert pipeline.log == ["push 32", "push 32", "push 32", "finish"]
    assert events.seqs == [0, 1, 2, 3]
    assert log == []


def test_a_stall_finishes_the_text_once_and_its_begin_and_end_are_logged() -> None:
    pipeline, log, _, _ = run([32, *[None] * 15, 32], 3.1)
    assert pipeline.log == ["push 32", "finish", "push 32", "finish"]
    assert log[0].startswith("no samples for 1 s")
    assert log[1] == "samples again"


def test_200_ms_without_samples_are_a_stall_of_the_status_alone() -> None:
    people = People(TypingSource(FakeClock(), silences=[(1.0, 1.5)]))
    seen = []
    while people.clock.now < 2.0:
        people.daemon.step()
        seen.append((people.clock.now, people.wearers[0].stalling))
    while_stalling = [now for now, stalling in seen if stalling]
    assert while_stalling[0] == pytest.approx(1.2, abs=0.05)
    assert while_stalling[-1] == pytest.approx(1.5, abs=0.21)
    assert not seen[-1][1]
    assert people.wearers[0].stalls == 1
    assert people.log == []
    assert people.stories == [["push 32"]]


def test_a_stall_names_the_silent_streams() -> None:
    people = People(TypingSource(FakeClock(), silences=[(1.0, 3.0)], silent_streams=["right"]))
    people.run(2.5)
    assert people.log == ["no samples from right for 1 s: the text so far is final, waiting"]


def test_heartbeats_come_with_and_without_samples() -> None:
    assert run([], 5.0)[3] == 10
    assert run([100] * 112, 5.6)[3] == 10  # each after eleven chunks of 50 ms, the clock being a sum of fractions


def test_an_interrupt_finishes_the_text() -> None:
    class Interrupted(FakeSource):
        def pull(self, timeout: float) -> Chunk | None:
            raise KeyboardInterrupt

    events, clock, listener = EventLog(), FakeClock(), FakeListener()
    (line,) = fake_lines(FakeGroup([LoggingPipeline(clock)]), [""])
    line.sinks.append(events)
    wearer = Wearer("", Interrupted(), [line], listener)
    daemon = Daemon([wearer], stall=1, heartbeat_every=1, notify=Log().notify, clock=clock)
    with pytest.raises(KeyboardInterrupt):
        daemon.run()
    assert events.seqs == [0]
    assert listener.calls == ["finished"]


def test_the_end_of_the_only_stream_ends_the_run_with_the_text_finished() -> None:
    people = People(TypingSource(FakeClock(), lost=1.0))
    with pytest.raises(InputError, match=r"^stream 's' has ended$"):
        people.run(2.0)
    assert people.stories == [["push 32", "finish"]]
    assert people.log == []


def test_several_are_asked_together_and_none_is_waited_for() -> None:
    sources = [TypingSource(FakeClock()), TypingSource(FakeClock()), TypingSource(FakeClock(), due=0.008)]
    people = People(sources[:2], sources[2:])
    people.run(1.6)
    assert {wait for source in sources for wait in source.waits} == {0.0}
    assert set(people.groups[0].calls) == {(0, 1)}
    assert set(people.groups[1].calls) == {(0,)}
    assert [wearer.samples for wearer in people.wearers] == [3200, 3200, 3200]
    for events, pipeline in zip(people.events, people.pipelines, strict=True):
        assert pipeline.story == ["push 32", "finish"]
        assert events.seqs == list(range(101))  # each event of its own pipeline once
    assert people.log == []


def test_a_stall_of_one_while_another_types() -> None:
    people = People([TypingSource(FakeClock(), silences=[(1.0, 3.0)]), TypingSource(FakeClock())])
    people.run(4.2)
    assert people.stories == [["push 32", "finish", "push 32", "finish"], ["push 32", "finish"]]
    assert people.log == ["a: no samples for 1 s: the text so far is final, waiting", "a: samples again"]
    assert people.wearers[1].samples == pytest.approx(8400, abs=64)
    for name, listener in zip("ab", people.listeners, strict=True):
        assert listener.calls.count(f"heartbeat {name}") == 8  # also those of the stalled one


@pytest.mark.parametrize("how", ["lost", "bad"])
def test_a_wearer_who_cannot_be_decoded_any_more_leaves_the_other_alone(how: str) -> None:
    first = TypingSource(FakeClock(), lost=1.2) if how == "lost" else TypingSource(FakeClock())
    people = People([first, TypingSource(FakeClock())], bad=1.2 if how == "bad" else np.inf)
    people.run(3.2)
    assert people.stories == [["push 32", "finish"]] * 2
    assert people.log == [
        f"a: {people.wearers[0].gone}; their text so far is final, the others go on",
    ]
    assert people.wearers[1].samples == pytest.approx(6400, abs=64)
    assert people.listeners[0].calls.count("heartbeat a") == 2
    assert people.listeners[1].calls.count("heartbeat b") == 6
    assert people.events[0].seqs == list(range(people.pipelines[0].seq))
    # The one who is left is waited for where the samples come from, as one alone is.
    assert max(people.wearers[1].source.waits[-10:]) > 0  # type: ignore[attr-defined]


def test_the_run_ends_when_the_last_has_gone() -> None:
    people = People([TypingSource(FakeClock(), lost=1.0)], [TypingSource(FakeClock(), lost=2.0)])
    with pytest.raises(InputError, match=r"^b: stream 's' has ended$"):
        people.run(3.0)
    assert people.stories == [["push 32", "finish"]] * 2
    assert len(people.log) == 1


def test_an_interrupt_finishes_everybody_also_where_one_cannot_be() -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    people = People(
        [TypingSource(FakeClock()), TypingSource(FakeClock()), TypingSource(FakeClock())], sleep=interrupted
    )

    def failing() -> list[TextEvent]:
        raise RuntimeError

    people.pipelines[1].finish = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        people.run(3.0)
    assert [events.seqs for events in people.events] == [[0, 1], [0], [0, 1]]


class ScriptedSwitch:
    """A pause switch that completes so many gestures with each chunk."""

    def __init__(self, *gestures: int) -> None:
        self._gestures = list(gestures)

    def push(self, chunk: Chunk) -> int:
        return self._gestures.pop(0) if self._gestures else 0


def test_a_clench_pauses_and_the_next_one_resumes() -> None:
    people = People(TypingSource(FakeClock()))
    (wearer,), (events,), (listener,) = people.wearers, people.events, people.listeners
    wearer.pause_switch = ScriptedSwitch(0, 1, 0, 2, 0, 1, 0)
    seqs_before_pause = list[int]()

    def before_pause() -> None:
        seqs_before_pause.append(len(events.seqs))

    listener.before_pause = before_pause  # type: ignore[method-assign]
    people.run(0.12)
    assert people.stories == [["push 32", "finish", "push 32", "finish"]]
    assert len(people.pipelines[0].log) == wearer.samples / 32 - 4 + 2  # four pieces dropped, two texts finished
    assert seqs_before_pause == [2]  # before the text was finished
    assert people.log == ["paused by a clench", "resumed by a clench"]


def test_pause_drops_and_reset_forgets() -> None:
    people = People(TypingSource(FakeClock()))
    (wearer,), (pipeline,) = people.wearers, people.pipelines
    people.daemon.step()
    people.daemon.pause(wearer)
    people.daemon.pause(wearer)
    people.daemon.step()
    people.daemon.resume(wearer)
    people.daemon.step()
    people.daemon.reset(wearer)
    assert pipeline.log == ["push 32", "finish", "push 32", "finish", "reset"]
    assert wearer.samples == 96


def test_a_listener_gets_all_samples_before_and_after_decoding_also_those_of_a_pause() -> None:
    people = People(TypingSource(FakeClock()))
    people.daemon.step()
    people.daemon.pause(people.wearers[0])
    people.daemon.step()
    assert people.pipelines[0].log == ["push 32", "finish"]
    assert people.listeners[0].calls == ["before 32", "after 32", "before_pause", "finished", "before 32", "after 32"]


def two_lines(clock: FakeClock, names: str = "ab") -> tuple[list[FakeGroup], list[Wearer]]:
    """Two wearers, each with a typing line in one group and a second sense in another group."""
    groups = [FakeGroup([LoggingPipeline(clock) for _ in names]) for _ in range(2)]
    by_group = [fake_lines(group, names) for group in groups]
    wearers = [
        Wearer(name, TypingSource(clock), list(lines), FakeListener())
        for name, lines in zip(names, zip(*by_group, strict=True), strict=True)
    ]
    return groups, wearers


def test_every_line_of_a_wearer_decodes_each_chunk_and_finishes_with_the_others() -> None:
    clock = FakeClock()
    groups, wearers = two_lines(clock)
    events = [[EventLog() for _ in wearer.lines] for wearer in wearers]
    for wearer, logs in zip(wearers, events, strict=True):
        for line, log in zip(wearer.lines, logs, strict=True):
            line.sinks.append(log)
    daemon = Daemon(wearers, stall=1.0, heartbeat_every=1.0, notify=Log().notify, clock=clock)
    daemon.step()
    assert [group.calls for group in groups] == [[(0, 1)], [(0, 1)]]
    daemon.pause(wearers[0])
    assert [group.pipelines[0].log for group in groups] == [["push 32", "finish"]] * 2
    assert [group.pipelines[1].log for group in groups] == [["push 32"]] * 2
    assert [[log.seqs for log in logs] for logs in events] == [[[0, 1], [0, 1]], [[0], [0]]]


def test_a_wearer_one_of_whose_lines_refuses_the_samples_goes_once_with_all_lines_finished() -> None:
    clock, log = FakeClock(), Log()
    groups, wearers = two_lines(clock)
    for group in groups:
        group.pipelines[0].bad = 0.0
    daemon = Daemon(wearers, stall=1.0, heartbeat_every=1.0, notify=log.notify, clock=clock)
    daemon.step()
    assert log == ["a: a value that is not a finite number; their text so far is final, the others go on"]
    assert [group.pipelines[0].log for group in groups] == [["finish"]] * 2
    assert (wearers[0].state, wearers[1].state) == ("gone", "decoding")


def test_an_exchange_moves_sinks_recorder_and_numbers_to_the_successor() -> None:
    people = People([TypingSource(FakeClock()), TypingSource(FakeClock())])
    ann, bob = people.wearers
    old, recorder = ann.line, LoggingRecorder()
    old.recorder, old.profile, people.pipelines[0].gaps = recorder, "me", 2
    people.pipelines[0].tap = tap = object()
    people.daemon.step()
    group = FakeGroup([LoggingPipeline(people.clock)])
    (successor,) = fake_lines(group, ["a"], bundle="other")
    people.daemon.exchange(old, successor)
    assert ann.lines == [successor]
    while len(group.calls) < 3:
        people.daemon.step()
    assert people.pipelines[0].log == ["push 32", "finish"]
    assert people.groups[0].calls == [(0, 1), (1,), (1,), (1,)]
    assert set(group.calls) == {(0,)}
    assert people.events[0].seqs == [0, 1, 2, 3, 4]
    assert recorder.calls == ["record 32", "exchange a LoggingPipeline", *["record 32"] * 3]
    assert (successor.profile, group.pipelines[0].tap) == ("me", tap)
    group.pipelines[0].gaps = 1
    assert successor.figures() == {"gaps": 3, "masked": 0, "rejected": 0}
    shared = [(encoder["bundle"], encoder["people"]) for encoder in people.daemon.encoders()]
    assert shared == [("fake", ["b"]), ("other", ["a"])]
    (second,) = fake_lines(FakeGroup([LoggingPipeline(people.clock)]), ["b"], bundle="third")
    people.daemon.exchange(bob.line, second)  # nobody is left in the first group
    assert [encoder["bundle"] for encoder in people.daemon.encoders()] == ["other", "third"]


def test_a_successor_keeps_its_own_profile() -> None:
    people = People(TypingSource(FakeClock()))
    people.wearers[0].line.profile = "old"
    (successor,) = fake_lines(FakeGroup([LoggingPipeline(people.clock)]), [""])
    successor.profile = "new"
    people.daemon.exchange(people.wearers[0].line, successor)
    assert people.wearers[0].line.profile == "new"


def test_only_the_daemons_own_lines_can_be_exchanged() -> None:
    people = People(TypingSource(FakeClock()))
    stranger, successor = fake_lines(FakeGroup([LoggingPipeline(), LoggingPipeline()]), ["x", "y"])
    with pytest.raises(ValueError, match="belongs to no wearer"):
        people.daemon.exchange(stranger, successor)
    assert stranger.pipeline.log == []  # type: ignore[attr-defined]
