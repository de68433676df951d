"""A recorded session through the whole chain, paced as it was recorded or as fast as possible, and what came out."""

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
    """What a replay measured."""

    seconds: float
    """Length of the recording."""
    wall: float
    """Seconds that the replay took."""
    compute: float
    """Seconds spent in the pipeline."""
    greedy: CharacterErrors
    beam: CharacterErrors
    retracted: float
    """Keys taken back per key typed."""
    stages_ms: Mapping[str, dict[str, float]]
    """Per call of a stage, a hop each."""
    shown_ms: dict[str, float]
    """From true press to the surviving version of its key."""
    final_ms: dict[str, float]
    """From true press to final."""

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of signal: below 1 keeps up."""
        return self.compute / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            **asdict(self),
            "real_time_factor": self.real_time_factor,
            "cer": self.beam.cer,
            "greedy_cer": self.greedy.cer,
        }


class Replay:
    """Feeds chunks to a pipeline and keeps what is needed for the report."""

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
            make_pipeline: Gets the tap through which the replay sees every emission.
            timer: The pipeline's observer.
            clock: Seconds.
            live: Whether the chunks come as they would live, so that the computing for one delays its text.
        """
        self._live = live
        self._pipeline = make_pipeline(self._tap)
        self._timer = timer
        self._clock = clock
        self._greedy = GreedyDecoder()
        self._greedy_labels: list[int] = []
        self.keys = ShownKeys()
        """What the pipeline has shown so far."""
        self._began = clock()
        self._compute = 0.0
        self._first: float | None = None
        self._last = 0.0

    def _tap(self, emission: Emission) -> None:
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
            self.keys.push(event, lateness=took if self._live else 0.0)
        return events

    def report(self, truth: Sequence[int], presses: Sequence[Keystroke]) -> ReplayReport:
        """What came out, against the labels typed; delays only where press times are known."""
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
