"""A recorded session through the whole chain, paced as it was recorded or as fast as possible, and what came out."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from decoder.greedy import GreedyDecoder
from decoder.messages import Emission, TextEvent
from decoder.metrics import CharacterErrors
from emgtype.key_delays import ShownKeys
from emgtype.latency import StageTimer
from streamer.chunk import Chunk
from streamer.pipeline import Pipeline

GAP = 0.2
"""Seconds without samples after which text is settled and the pipeline starts anew."""


def paced(
    chunks: Iterable[Chunk], clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Chunk]:
    """The chunks, each when its newest sample would have arrived: the recording's own time stamps set the pace."""
    offset: float | None = None
    for chunk in chunks:
        now = clock()
        if offset is None:
            offset = now - float(chunk.times[0])
        if (wait := float(chunk.times[-1]) + offset - now) > 0:
            sleep(wait)
        yield chunk


def pieces(chunks: Iterable[Chunk], samples: int) -> Iterator[Chunk]:
    """The same samples in chunks of at most `samples`, as a live source would deliver them."""
    for chunk in chunks:
        for first in range(0, len(chunk.times), samples):
            part = slice(first, first + samples)
            yield Chunk(chunk.samples[part], chunk.times[part], chunk.layout)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay measured. Seconds become ms where the name says so."""

    seconds: float
    """Length of the recording."""
    wall: float
    """Seconds that the replay took."""
    compute: float
    """Seconds spent in the pipeline."""
    text: ShownKeys
    greedy: CharacterErrors
    beam: CharacterErrors
    stages_ms: dict[str, dict[str, float]]
    shown_ms: dict[str, float]
    final_ms: dict[str, float]

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of signal: below 1 keeps up."""
        return self.compute / self.seconds


class Replay:
    """Feeds chunks to a pipeline and keeps what is needed for the report."""

    def __init__(self, pipeline: Pipeline, timer: StageTimer, clock: Callable[[], float] = time.perf_counter) -> None:
        self._pipeline = pipeline
        self._timer = timer
        self._clock = clock
        self._greedy = GreedyDecoder()
        self._greedy_labels: list[int] = []
        self._keys = ShownKeys()
        self._compute = 0.0
        self._first: float | None = None
        self._last = 0.0

    def tap(self, emission: Emission) -> None:
        """Give this to the pipeline: it sees every emission once."""
        self._greedy_labels += [key.label for key in self._greedy.push(emission)]

    def push(self, chunk: Chunk) -> list[TextEvent]:
        """The next samples; returns the text events they caused."""
        if self._first is None:
            self._first = float(chunk.times[0])
        self._last = float(chunk.times[-1])
        return self._timed(lambda: self._pipeline.push(chunk))

    def finish(self) -> list[TextEvent]:
        """The end of the recording."""
        return self._timed(self._pipeline.finish)

    def _timed(self, step: Callable[[], list[TextEvent]]) -> list[TextEvent]:
        start = self._clock()
        events = step()
        took = self._clock() - start
        self._compute += took
        for event in events:
            self._keys.push(event, lateness=took)
        return events
