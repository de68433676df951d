"""Replay a recorded session through the whole chain, at its own pace or as fast as possible, and measure the text."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from emgtype.latency import StageTimer, percentiles
from emgtype.replay.key_delays import ShownKeys, key_delays
from messages.emission import Emission
from messages.signal import Chunk
from messages.text import TextEvent
from messages.typed import Keystroke
from streamer.pipeline import Pipeline


def paced(
    chunks: Iterable[Chunk], clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Chunk]:
    """Yield each chunk when its newest sample would have arrived live, by the recording's own time stamps."""
    offset: float | None = None
    for chunk in chunks:
        now = clock()
        if offset is None:
            offset = now - float(chunk.times[0])
        if (wait := float(chunk.times[-1]) + offset - now) > 0:
            sleep(wait)
        yield chunk


def pieces(chunks: Iterable[Chunk], samples: int) -> Iterator[Chunk]:
    """Yield the same samples in chunks of at most `samples`, as a live source would deliver them."""
    for chunk in chunks:
        for first in range(0, len(chunk.times), samples):
            part = slice(first, first + samples)
            yield Chunk(chunk.samples[part], chunk.times[part], chunk.layout)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The errors, delays and times of a replay."""

    seconds: float
    """Length of the recording."""
    wall: float
    """Seconds that the replay took."""
    compute: float
    """Seconds spent in the pipeline."""
    greedy: CharacterErrors
    """Errors of the most likely label of each frame, without beam and language model."""
    beam: CharacterErrors
    """Errors of the live text."""
    retracted: float
    """Keys taken back per key typed."""
    stages_ms: Mapping[str, dict[str, float]]
    """Percentiles of each stage's time per call in ms; a call is a hop."""
    shown_ms: dict[str, float]
    """Percentiles of the delay from press to the surviving version of its key, in ms."""
    final_ms: dict[str, float]
    """Percentiles of the delay from press to final, in ms."""

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of signal; live decoding needs less than 1."""
        return self.compute / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for --json."""
        return {
            **asdict(self),
            "real_time_factor": self.real_time_factor,
            "cer": self.beam.cer,
            "greedy_cer": self.greedy.cer,
        }


class Replay:
    """Feeds chunks to a pipeline and collects the figures of the report."""

    def __init__(
        self,
        make_pipeline: Callable[[Callable[[Emission], None]], Pipeline],
        timer: StageTimer,
        clock: Callable[[], float] = time.perf_counter,
        *,
        live: bool = True,
    ) -> None:
        """Start the clock.

        Args:
            make_pipeline: Makes a pipeline that hands every emission to the given function.
            timer: The pipeline's observer.
            clock: Returns seconds.
            live: Whether the chunks are as short as live ones, so that computing time counts as delay of the text.
        """
        self._live = live
        self._pipeline = make_pipeline(self._tap)
        self._timer = timer
        self._clock = clock
        self._greedy = GreedyDecoder()
        self._greedy_labels: list[int] = []
        self.keys = ShownKeys()
        """The keys that the pipeline has shown so far."""
        self._began = clock()
        self._compute = 0.0
        self._first: float | None = None
        self._last = 0.0

    def _tap(self, emission: Emission) -> None:
        self._greedy_labels += [key.label for key in self._greedy.push(emission)]

    def push(self, chunk: Chunk) -> list[TextEvent]:
        """Decode the next samples and return their text events."""
        if self._first is None:
            self._first = float(chunk.times[0])
        self._last = float(chunk.times[-1])
        return self._timed(lambda: self._pipeline.push(chunk))

    def finish(self) -> list[TextEvent]:
        """End the recording and return the last text events."""
        return self._timed(self._pipeline.finish)

    def _timed(self, step: Callable[[], list[TextEvent]]) -> list[TextEvent]:
        start = self._clock()
        events = step()
        duration = self._clock() - start
        self._compute += duration
        for event in events:
            self.keys.push(event, lateness=duration if self._live else 0.0)
        return events

    def report(self, truth: Sequence[int], presses: Sequence[Keystroke]) -> ReplayReport:
        """Return the report.

        Args:
            truth: Labels of the keys typed.
            presses: Key presses with their times; empty where these are unknown.
        """
        delays = key_delays([k.start for k in presses], [k.label for k in presses if k.label is not None], self.keys)
        return ReplayReport(
            seconds=self._last - (self._first or 0.0),
            wall=self._clock() - self._began,
            compute=self._compute,
            greedy=CharacterErrors.between(self._greedy_labels, truth),
            beam=CharacterErrors.between(self.keys.labels, truth),
            retracted=self.keys.erased / max(1, len(truth)),
            stages_ms=self._timer.report(),
            shown_ms=percentiles(1e3 * delays.shown),
            final_ms=percentiles(1e3 * delays.final),
        )
