from dataclasses import dataclass, field

import numpy as np

from decoder.messages import TextEvent
from emgtype.daemon import Daemon
from simulator.session import LAYOUT
from streamer.chunk import Chunk


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedSource:
    """Gives what the script says; a None passes the time that was waited."""

    clock: Clock
    script: list[int | None]

    def pull(self, timeout: float) -> Chunk | None:
        assert 0 <= timeout <= 0.5
        step = self.script.pop(0) if self.script else None
        self.clock.now += timeout if step is None else step / LAYOUT.rate
        return None if step is None else Chunk(np.zeros((step, 2, 16), np.float32), np.arange(step) / 2000.0, LAYOUT)


@dataclass
class LoggingPipeline:
    """An event per chunk; checks that nothing is pushed into a finished one before a reset."""

    log: list[str] = field(default_factory=list)
    seq: int = 0

    def _event(self) -> list[TextEvent]:
        self.seq += 1
        return [TextEvent(0, (), 0, 0.0, self.seq - 1)]

    def push(self, chunk: Chunk) -> list[TextEvent]:
        self.log.append(f"push {len(chunk.times)}")
        return self._event()

    def finish(self) -> list[TextEvent]:
        self.log.append("finish")
        return self._event()

    def reset(self) -> None:
        assert self.log[-1] == "finish"
        self.log.append("reset")


@dataclass
class Heard:
    events: list[int] = field(default_factory=list)

    def push(self, event: TextEvent) -> None:
        self.events.append(event.seq)


def run(script: list[int | None], seconds: float, stall: float = 1.0) -> tuple[LoggingPipeline, list[str], Heard, int]:
    clock, pipeline, told, heard, beats = Clock(), LoggingPipeline(), list[str](), Heard(), []
    daemon = Daemon(
        ScriptedSource(clock, script),
        pipeline,  # type: ignore[arg-type]
        [heard],
        stall=stall,
        heartbeat=lambda: beats.append(clock.now),
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
    pipeline, told, _, _ = run([32, *[None] * 6, 32], 3.1)
    assert pipeline.log == ["push 32", "finish", "reset", "push 32", "finish"]
    assert told[0].startswith("no samples for 1 s")
    assert told[1] == "samples again"


def test_heartbeats_come_with_and_without_samples() -> None:
    assert run([], 5.0)[3] == 10
    assert run([100] * 100, 5.0)[3] == 10


def test_an_interrupt_settles_the_text() -> None:
    clock, pipeline, heard = Clock(), LoggingPipeline(), Heard()

    class Interrupted:
        def pull(self, timeout: float) -> Chunk | None:
            raise KeyboardInterrupt

    daemon = Daemon(
        Interrupted(),
        pipeline,  # type: ignore[arg-type]
        [heard],
        stall=1,
        heartbeat=lambda: None,
        heartbeat_every=1,
        tell=print,
        clock=clock,
    )
    try:
        daemon.run()
    except KeyboardInterrupt:
        assert heard.events == [0]
    else:
        raise AssertionError("the interrupt was swallowed")
