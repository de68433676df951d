from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from emgtype.live.daemon import Daemon, Wearer
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from simulator.session import LAYOUT

PIECE = 0.016  # seconds between two pieces of somebody who types


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        assert 0 < seconds < 0.01
        self.now += seconds


def chunk(samples: int) -> Chunk:
    return Chunk(np.zeros((samples, 2, 16), np.float32), np.arange(samples) / 2000.0, LAYOUT)


@dataclass
class ScriptedSource:
    """Gives what the script says; a None passes the time that was waited."""

    clock: Clock
    script: list[int | None]

    def pull(self, timeout: float) -> Chunk | None:
        assert 0 <= timeout <= 0.2
        step = self.script.pop(0) if self.script else None
        self.clock.now += timeout if step is None else step / LAYOUT.rate
        return None if step is None else chunk(step)


@dataclass
class TypingSource:
    """A piece each 16 ms, but for the silences; an error from `lost` on. Of several: none of them may be waited for."""

    clock: Clock
    silences: Sequence[tuple[float, float]] = ()
    lost: float = np.inf
    due: float = 0.0
    waits: list[float] = field(default_factory=list)

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


@dataclass
class LoggingPipeline:
    """An event per chunk; checks that it is finished before it is reset."""

    clock: Clock
    bad: float = np.inf
    """From when on the samples are refused."""
    log: list[str] = field(default_factory=list)
    seq: int = 0

    def _event(self) -> list[TextEvent]:
        self.seq += 1
        return [TextEvent(0, (), 0, 0.0, self.seq - 1)]

    def push(self, chunk: Chunk) -> Sequence[TextEvent] | InputError:
        if self.clock.now >= self.bad:
            return InputError("a value that is not a finite number")
        self.log.append(f"push {len(chunk.times)}")
        return self._event()

    def finish(self) -> list[TextEvent]:
        self.log.append("finish")
        return self._event()

    def reset(self) -> None:
        assert self.log[-1] == "finish"
        self.log.append("reset")

    @property
    def story(self) -> list[str]:
        """The log, the same thing said once."""
        return [entry for entry, before in zip(self.log, ["", *self.log], strict=False) if entry != before]


@dataclass
class FakeGroup:
    """Asks its pipelines, and keeps who was served in one call."""

    pipelines: Sequence[LoggingPipeline]
    calls: list[tuple[int, ...]] = field(default_factory=list)

    def push(self, chunks: Mapping[int, Chunk]) -> dict[int, Sequence[TextEvent] | InputError]:
        self.calls.append(tuple(chunks))
        return {number: self.pipelines[number].push(chunk) for number, chunk in chunks.items()}


@dataclass
class Heard:
    events: list[int] = field(default_factory=list)

    def push(self, event: TextEvent) -> None:
        self.events.append(event.seq)


def run(script: list[int | None], seconds: float, stall: float = 1.0) -> tuple[LoggingPipeline, list[str], Heard, int]:
    clock, told, heard, beats = Clock(), list[str](), Heard(), []
    pipeline = LoggingPipeline(clock)
    wearer = Wearer(ScriptedSource(clock, script), pipeline, [heard], lambda: beats.append(clock.now))
    daemon = Daemon(
        [(FakeGroup([pipeline]), [wearer])],
        stall=stall,
        heartbeat_every=0.5,
        tell=told.append,
        clock=clock,
    )
    daemon.run(seconds)
    return pipeline, told, heard, len(beats)


def test_every_event_reaches_the_sinks_and_the_end_settles_the_text() -> None:
    pipeline, told, heard, _ = run([32, 32, 32], 0.04)
    assert pipeline.log == ["push 32", "push 32", "push 32", "finish"]
    assert heard.events == [0, 1, 2, 3]
    assert told == []


def test_a_stall_settles_the_text_once_and_is_told_and_so_is_its_end() -> None:
    pipeline, told, _, _ = run([32, *[None] * 15, 32], 3.1)
    assert pipeline.log == ["push 32", "finish", "push 32", "finish"]
    assert told[0].startswith("no samples for 1 s")
    assert told[1] == "samples again"


def test_200_ms_without_samples_are_a_stall_of_the_status_alone() -> None:
    people = People(TypingSource(Clock(), silences=[(1.0, 1.5)]))
    seen = []
    while people.clock.now < 2.0:
        people.daemon.step()
        seen.append((people.clock.now, people.wearers[0].stalling))
    while_stalling = [now for now, stalling in seen if stalling]
    assert while_stalling[0] == pytest.approx(1.2, abs=0.05)
    assert while_stalling[-1] == pytest.approx(1.5, abs=0.21)
    assert not seen[-1][1]
    assert people.wearers[0].stalls == 1
    assert people.told == []
    assert people.stories == [["push 32"]]


def test_a_stall_names_what_is_silent() -> None:
    people = People(TypingSource(Clock(), silences=[(1.0, 3.0)]))
    people.wearers[0].silent = lambda: "right"
    people.run(2.5)
    assert people.told == ["no samples from right for 1 s: the text so far is final, waiting"]


def test_heartbeats_come_with_and_without_samples() -> None:
    assert run([], 5.0)[3] == 10
    assert run([100] * 112, 5.6)[3] == 10  # each after eleven chunks of 50 ms, the clock being a sum of fractions


def test_an_interrupt_settles_the_text() -> None:
    heard, clock = Heard(), Clock()
    pipeline = LoggingPipeline(clock)

    class Interrupted:
        def pull(self, timeout: float) -> Chunk | None:
            raise KeyboardInterrupt

    wearer = Wearer(Interrupted(), pipeline, [heard], lambda: None)
    daemon = Daemon([(FakeGroup([pipeline]), [wearer])], stall=1, heartbeat_every=1, tell=print, clock=clock)
    with pytest.raises(KeyboardInterrupt):
        daemon.run()
    assert heard.events == [0]


def test_the_end_of_the_only_stream_ends_the_run_with_the_text_settled() -> None:
    people = People(TypingSource(Clock(), lost=1.0))
    with pytest.raises(InputError, match=r"^stream 's' has ended$"):
        people.run(2.0)
    assert people.stories == [["push 32", "finish"]]
    assert people.told == []


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
        self.clock = sources[0].clock
        for source in sources:
            source.clock = self.clock
        self.told: list[str] = []
        self.beats: list[str] = []
        self.pipelines = [LoggingPipeline(self.clock) for _ in sources]
        self.pipelines[0].bad = bad
        self.heard = [Heard() for _ in sources]
        self.wearers = [
            Wearer(source, pipeline, [heard], lambda name=name: self.beats.append(name), name)  # type: ignore[misc]
            for source, pipeline, heard, name in zip(
                sources, self.pipelines, self.heard, "abcd" if len(sources) > 1 else [""], strict=False
            )
        ]
        self.groups: list[FakeGroup] = []
        members = []
        for group in lists:
            first = sum(len(made.pipelines) for made in self.groups)
            self.groups.append(FakeGroup(self.pipelines[first : first + len(group)]))
            members.append(self.wearers[first : first + len(group)])
        self.daemon = Daemon(
            list(zip(self.groups, members, strict=True)),
            stall=1.0,
            heartbeat_every=0.5,
            tell=self.told.append,
            clock=self.clock,
            sleep=sleep or self.clock.pass_by,
        )

    def run(self, seconds: float) -> None:
        self.daemon.run(seconds)

    @property
    def stories(self) -> list[list[str]]:
        return [pipeline.story for pipeline in self.pipelines]


def test_several_are_asked_together_and_none_is_waited_for() -> None:
    sources = [TypingSource(Clock()), TypingSource(Clock()), TypingSource(Clock(), due=0.008)]
    people = People(sources[:2], sources[2:])
    people.run(1.6)
    assert {wait for source in sources for wait in source.waits} == {0.0}
    assert set(people.groups[0].calls) == {(0, 1)}
    assert set(people.groups[1].calls) == {(0,)}
    assert [wearer.samples for wearer in people.wearers] == [3200, 3200, 3200]
    for heard, pipeline in zip(people.heard, people.pipelines, strict=True):
        assert pipeline.story == ["push 32", "finish"]
        assert heard.events == list(range(101))  # its own, each once
    assert people.told == []


def test_a_stall_of_one_while_another_types() -> None:
    people = People([TypingSource(Clock(), silences=[(1.0, 3.0)]), TypingSource(Clock())])
    people.run(4.2)
    assert people.stories == [["push 32", "finish", "push 32", "finish"], ["push 32", "finish"]]
    assert people.told == ["a: no samples for 1 s: the text so far is final, waiting", "a: samples again"]
    assert people.wearers[1].samples == pytest.approx(8400, abs=64)
    assert people.beats == ["a", "b"] * 8  # also of the one who is waited for


@pytest.mark.parametrize("how", ["lost", "bad"])
def test_one_who_cannot_be_decoded_any_more_is_nothing_to_the_other(how: str) -> None:
    first = TypingSource(Clock(), lost=1.2) if how == "lost" else TypingSource(Clock())
    people = People([first, TypingSource(Clock())], bad=1.2 if how == "bad" else np.inf)
    people.run(3.2)
    assert people.stories == [["push 32", "finish"]] * 2
    assert people.told == [
        f"a: {people.wearers[0].gone}; their text so far is final, the others go on",
    ]
    assert people.wearers[1].samples == pytest.approx(6400, abs=64)
    assert people.beats.count("a") == 2
    assert people.beats.count("b") == 6
    assert people.heard[0].events == list(range(people.pipelines[0].seq))
    # The one who is left is waited for where the samples come from, as one alone is.
    assert max(people.wearers[1].source.waits[-10:]) > 0  # type: ignore[attr-defined]


def test_the_run_ends_when_the_last_has_gone() -> None:
    people = People([TypingSource(Clock(), lost=1.0)], [TypingSource(Clock(), lost=2.0)])
    with pytest.raises(InputError, match=r"^b: stream 's' has ended$"):
        people.run(3.0)
    assert people.stories == [["push 32", "finish"]] * 2
    assert len(people.told) == 1


def test_an_interrupt_settles_everybody_also_where_one_cannot_be() -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    people = People([TypingSource(Clock()), TypingSource(Clock()), TypingSource(Clock())], sleep=interrupted)

    def failing() -> list[TextEvent]:
        raise RuntimeError

    people.pipelines[1].finish = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        people.run(3.0)
    assert people.heard[0].events == [0, 1]
    assert people.heard[1].events == [0]
    assert people.heard[2].events == [0, 1]


def test_a_clench_pauses_and_the_next_one_goes_on() -> None:
    people = People(TypingSource(Clock()))
    (wearer,), (heard,) = people.wearers, people.heard
    clenched = iter([0, 1, 0, 2, 0, 1, 0])
    wearer.clench = lambda _chunk: next(clenched, 0)
    hushed = list[int]()
    wearer.hush = lambda: hushed.append(len(heard.events))
    people.run(0.12)
    assert people.stories == [["push 32", "finish", "push 32", "finish"]]
    assert len(people.pipelines[0].log) == wearer.samples / 32 - 4 + 2  # four pieces were dropped, two texts settled
    assert hushed == [2]  # before the text was settled
    assert people.told == ["paused by a clench", "going on behind a clench"]


def test_pause_drops_and_reset_forgets() -> None:
    people = People(TypingSource(Clock()))
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
