"""The flight recorder: the last minutes of a pipeline's input and output, to be decoded again exactly.

A flight holds signals and typed text; nothing is recorded unless the settings ask for it.

Plan. Input: everything that enters the pipeline, in its order (samples, and what the clock and the user decide), and
every event that leaves it. It is kept as a queue of steps, each with the events that it caused. A flight can be decoded
again exactly only from a step after which all of the pipeline is known: a reset, or its state, which is taken every 30
seconds. When the kept samples exceed the limit the oldest steps are dropped, up to the next such step; where there is
none (KenLM's states cannot be kept) the flight begins in the middle of typing, and says so.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import PERSONS
from adapters.sessions.flight_file import SUFFIX, Flight, Step, write_flight
from emgtype.config import Config, as_table
from emgtype.models.bundle import Bundle
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from messages.errors import NoStateError
from messages.signal import Chunk
from messages.tables import table_of
from messages.text import TextEvent
from streamer.pipeline import Pipeline

_STATE_EVERY_S = 30.0
"""Seconds of samples between two states of the pipeline: a flight can begin at each of them."""
_BEGINNINGS = ("reset", "state")
"""Steps after which all of the pipeline is known."""


@dataclass(slots=True)
class _RecordedStep:
    step: Step
    events: list[TextEvent] = field(default_factory=list)


class FlightRecorder:
    """Keeps the last steps of one person's pipeline; it is a sink of their text, too.

    Args:
        config: Settings of the person.
        bundle: The bundle that decodes them.
        pipeline: Their pipeline.
        minutes: Minutes of signal that are kept, 16.3 MB each at 2 kHz and two bands of 16, and the states beside.
        clock: Unix seconds.
    """

    def __init__(
        self,
        config: Config,
        bundle: Bundle,
        pipeline: Pipeline,
        minutes: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pipeline = pipeline
        self._person = config.person
        self._capacity = round(60 * minutes * bundle.facts.layout.rate)
        self._clock = clock
        self._model = model_of(config, bundle)
        self._steps: deque[_RecordedStep] = deque()
        self._starts_known = True
        self._samples = 0
        self._state_every = min(round(_STATE_EVERY_S * bundle.facts.layout.rate), self._capacity // 4)
        self._samples_since_state = 0
        # Steps behind the oldest one at which a flight can begin.
        self._later_beginnings = 0
        self._event_count = 0
        self._dropped_events = 0

    def record(self, chunk: Chunk) -> None:
        """Record samples that enter the pipeline."""
        if self._samples_since_state >= self._state_every:
            self._samples_since_state = 0
            self._record_state()
        self._add(Step("samples", self._clock(), chunk))
        self._samples += len(chunk.times)
        self._samples_since_state += len(chunk.times)
        while self._samples > self._capacity and len(self._steps) > 1:
            self._drop()
            while self._later_beginnings and not self._starts_known:
                self._drop()

    def finish(self, why: str) -> None:
        """Record that the text so far becomes final."""
        self._add(Step("finish", self._clock(), why=why))

    def reset(self) -> None:
        """Record that the pipeline forgets the past."""
        self._add(Step("reset", self._clock(), event_count=self._event_count))

    def exchange(self, config: Config, bundle: Bundle, pipeline: Pipeline) -> None:
        """Record that another pipeline goes on from here."""
        self._pipeline = pipeline
        self._add(Step("exchange", self._clock(), model=model_of(config, bundle)))

    def push(self, event: TextEvent) -> None:
        """Record an event of the pipeline."""
        self._event_count += 1
        if self._steps:
            self._steps[-1].events.append(event)

    def flight(self) -> Flight:
        """Return all that is kept now."""
        steps = list(self._steps)
        return Flight(
            self._person,
            self._starts_known,
            self._dropped_events,
            self._model,
            tuple(each.step for each in steps),
            tuple((number, event) for number, each in enumerate(steps) for event in each.events),
        )

    def _record_state(self) -> None:
        try:
            state = table_of(self._pipeline.state)
        except NoStateError:
            return
        self._add(Step("state", self._clock(), event_count=self._event_count, state=state))

    def _add(self, step: Step) -> None:
        self._later_beginnings += bool(self._steps) and step.do in _BEGINNINGS
        self._steps.append(_RecordedStep(step))

    def _drop(self) -> None:
        oldest = self._steps.popleft()
        self._samples -= 0 if oldest.step.chunk is None else len(oldest.step.chunk.times)
        self._dropped_events += len(oldest.events)
        self._model = oldest.step.model or self._model
        self._starts_known = self._steps[0].step.do in _BEGINNINGS
        self._later_beginnings -= self._starts_known


def dump(recorder: FlightRecorder, folder: Path, notify: Callable[[str], None], *, wait: bool = False) -> Path:
    """Write all that is kept into a new file of a folder, in a thread of its own.

    Args:
        recorder: The recorder of one person.
        folder: Made if there is none, readable by its owner alone.
        notify: Gets a sentence when the file is there, or why it is not; it is called in that thread.
        wait: Whether to return only then.

    Returns:
        The file.
    """
    flight = recorder.flight()
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9 // 10**6:03}"
    path = folder / f"{flight.person}-{stamp}{SUFFIX}"

    def write() -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_flight(path, flight)
        except OSError as error:
            notify(f"the flight {path} cannot be written ({error.strerror}): make room, or mend its folder")
        else:
            notify(f"{path} holds the last minutes of signal and text; decode it again with `emgtype flight {path}`")

    thread = threading.Thread(target=write, name="flight")
    thread.start()
    if wait:
        thread.join()
    return path


def model_of(config: Config, bundle: Bundle) -> Mapping[str, Any]:
    """Return the settings, and the checksums of the bundle's files, that a pipeline decodes with."""
    layer = [f"{PERSONS}/{config.pipeline.person}.npz"] if config.pipeline.person else []
    names = [bundle.encoder.name, LM_BINARY, LM_TABLES, LM_FACTS, *layer]
    sums = {name: sha256(bundle.folder / name) for name in names if (bundle.folder / name).is_file()}
    return {"config": as_table(config), "bundle": str(bundle.folder.resolve()), "files": sums}
