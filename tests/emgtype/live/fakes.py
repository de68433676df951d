"""Parts of a daemon without samples and models, which check that they are called as the real ones want it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from emgtype.config import Config
from emgtype.latency import StageTimer
from emgtype.live.line import Line, LineGroup
from emgtype.live.wearer import Wearer
from messages.errors import InputError
from messages.notice import Notice
from messages.signal import Chunk
from messages.text import TextEvent
from simulator.session import LAYOUT


def chunk(samples: int) -> Chunk:
    """Samples of silence."""
    return Chunk(np.zeros((samples, 2, 16), np.float32), np.arange(samples) / 2000.0, LAYOUT)


@dataclass
class FakeClock:
    """A clock that only sleeping and sources move on; the loop may sleep for milliseconds alone."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds < 0.01
        self.now += seconds


class FakeSource:
    """A source that nothing comes from; named streams are silent."""

    def __init__(self, *silent: str) -> None:
        self.silent_streams = list(silent)

    def pull(self, timeout: float) -> Chunk | None:
        return None

    def silent(self) -> list[str]:
        return self.silent_streams

    def notices(self) -> list[Notice]:
        return []

    def figures(self) -> dict[str, Any]:
        return {"lost": 0}


@dataclass
class LoggingPipeline:
    """An event per call that makes text; checks that it is finished before it is reset."""

    clock: FakeClock = field(default_factory=FakeClock)
    bad: float = np.inf
    """Seconds from which on samples are refused."""
    log: list[str] = field(default_factory=list)
    tap: Any = None
    gate: Any = None
    gaps: int = 0
    masked: int = 0
    rejected: int = 0

    def counts(self) -> dict[str, int]:
        return {"gaps": self.gaps, "masked": self.masked, "rejected": self.rejected}

    seq: int = 0

    def _event(self) -> list[TextEvent]:
        self.seq += 1
        return [TextEvent(0, (), 0, 0.0, self.seq - 1)]

    def push(self, chunk: Chunk) -> list[TextEvent] | InputError:
        if self.clock.now >= self.bad:
            return InputError("a value that is not a finite number")
        self.log.append(f"push {len(chunk.times)}")
        return self._event()

    def recent(self) -> Chunk:
        return chunk(0)

    def finish(self) -> list[TextEvent]:
        self.log.append("finish")
        return self._event()

    def reset(self) -> None:
        assert self.log[-1] == "finish"
        self.log.append("reset")

    @property
    def story(self) -> list[str]:
        """The log, with repeated entries once."""
        return [entry for entry, before in zip(self.log, ["", *self.log], strict=False) if entry != before]


@dataclass
class FakeGroup:
    """Pipelines that are asked together; keeps which were, call by call."""

    pipelines: Sequence[LoggingPipeline]
    calls: list[tuple[int, ...]] = field(default_factory=list)

    def push(self, chunks: Mapping[int, Chunk]) -> dict[int, list[TextEvent] | InputError]:
        assert chunks  # a call for nobody costs time
        self.calls.append(tuple(chunks))
        return {number: self.pipelines[number].push(chunk) for number, chunk in chunks.items()}


@dataclass
class EventLog:
    """A sink that keeps the numbers of its events."""

    seqs: list[int] = field(default_factory=list)

    def push(self, event: TextEvent) -> None:
        self.seqs.append(event.seq)


@dataclass
class FakeListener:
    """Keeps the calls of the loop; checks that samples come before their decoding and after it, in turn."""

    calls: list[str] = field(default_factory=list)
    decoding: bool = False

    def before_decoding(self, chunk: Chunk) -> None:
        assert not self.decoding
        self.decoding = True
        self.calls.append(f"before {len(chunk.times)}")

    def after_decoding(self, chunk: Chunk) -> None:
        assert self.decoding
        self.decoding = False
        self.calls.append(f"after {len(chunk.times)}")

    def before_pause(self) -> None:
        self.calls.append("before_pause")

    def finished(self) -> None:
        self.calls.append("finished")

    def heartbeat(self, wearer: Wearer) -> None:
        self.calls.append(f"heartbeat {wearer.name}")


@dataclass
class LoggingRecorder:
    """A flight recorder that keeps the calls; a pipeline must be finished before it is reset."""

    calls: list[str] = field(default_factory=list)

    def record(self, chunk: Chunk) -> None:
        self.calls.append(f"record {len(chunk.times)}")

    def finish(self, why: str) -> None:
        self.calls.append(f"finish {why}")

    def reset(self) -> None:
        assert self.calls[-1].startswith("finish")
        self.calls.append("reset")

    def exchange(self, config: Config, bundle: object, pipeline: object) -> None:
        self.calls.append(f"exchange {config.person} {type(pipeline).__name__}")


def fake_lines(group: FakeGroup, names: Sequence[str], bundle: str = "fake") -> list[Line]:
    """Lines over the pipelines of a group, each of the wearer of that name."""
    folder = SimpleNamespace(folder=bundle)
    shared = LineGroup(cast(Any, folder), cast(Any, group), StageTimer())
    configs = [SimpleNamespace(person=name, bundle=bundle) for name in names]
    return [Line(cast(Any, config), shared, number, StageTimer()) for number, config in enumerate(configs)]
