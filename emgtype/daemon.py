"""The daemon's loop: the only place where time passes. What the clock decides enters the core as finish and reset."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from decoder.messages import TextEvent
from streamer.chunk import Chunk
from streamer.pipeline import Pipeline


class Source(Protocol):
    """Live samples."""

    def pull(self, timeout: float) -> Chunk | None:
        """The next samples, or None when none came within `timeout` s."""


class Sink(Protocol):
    """Something that shows or passes on text events."""

    def push(self, event: TextEvent) -> None:
        """Take one event."""


class Daemon:
    """Joins a source, the pipeline and the sinks.

    Args:
        source: Where samples come from.
        pipeline: Samples to text events.
        sinks: Each gets every event.
        stall: Seconds without samples after which the text is settled and the pipeline starts anew.
        heartbeat: Called every `heartbeat_every` s.
        tell: Gets a sentence about what happened (a stall, samples again).
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        sinks: Sequence[Sink],
        *,
        stall: float,
        heartbeat: Callable[[], None],
        heartbeat_every: float,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self._sinks = sinks
        self._stall = stall
        self._heartbeat = heartbeat
        self._heartbeat_every = heartbeat_every
        self._tell = tell
        self._clock = clock
        self._heard = self._beaten = clock()
        self._stalled = False
        self.samples = 0
        """Samples received so far."""

    def step(self) -> None:
        """Wait for samples, at most until the next heartbeat, and pass on what they bring."""
        wait = max(0.0, self._beaten + self._heartbeat_every - self._clock())
        chunk = self._source.pull(min(wait, self._stall, 0.5))
        now = self._clock()
        if chunk is not None:
            self.samples += len(chunk.times)
            self._heard = now
            if self._stalled:
                self._stalled = False
                self._tell("samples again")
            self._pass_on(self._pipeline.push(chunk))
        elif not self._stalled and now - self._heard >= self._stall:
            self._stalled = True
            self._tell(f"no samples for {self._stall:g} s: the text so far is final, waiting")
            self._pass_on(self._pipeline.finish())
            self._pipeline.reset()
        if now - self._beaten >= self._heartbeat_every:
            self._beaten = now
            self._heartbeat()

    def run(self, seconds: float | None = None) -> None:
        """Step until interrupted, or for `seconds`; whatever ends it, the text so far is settled and passed on."""
        end = None if seconds is None else self._clock() + seconds
        try:
            while end is None or self._clock() < end:
                self.step()
        finally:
            self._pass_on(self._pipeline.finish())

    def _pass_on(self, events: Sequence[TextEvent]) -> None:
        for event in events:
            for sink in self._sinks:
                sink.push(event)
