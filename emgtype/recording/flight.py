"""The flight recorder: the last minutes of what entered somebody's pipeline and what came out, to be played again.

It holds typed text and signals, and is off unless the settings ask for it.
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

_EVERY = 30.0  # seconds between two moments at which a flight can begin
_BEGINS = ("reset", "remember")


@dataclass(slots=True)
class _Kept:
    step: Step
    events: list[TextEvent] = field(default_factory=list)


class FlightRecorder:
    """Keeps the last steps of one person's pipeline; a sink of their text, too.

    Args:
        config: Of the person.
        bundle: What decodes.
        pipeline: Theirs.
        minutes: Of signal that are kept, 16.3 MB each at 2 kHz and two bands of 16, and some for what is remembered.
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
        self._most = round(60 * minutes * bundle.facts.layout.rate)
        self._clock = clock
        self._model = model_of(config, bundle)
        self._kept: deque[_Kept] = deque()
        self._whole = True
        self._samples = 0
        self._every = min(round(_EVERY * bundle.facts.layout.rate), self._most // 4)
        self._since = 0
        self._begins = 0
        self._told = 0
        self._dropped = 0

    def hear(self, chunk: Chunk) -> None:
        """Samples enter the pipeline."""
        if self._since >= self._every:
            self._since = 0
            self._remember()
        self._add(Step("hear", self._clock(), chunk))
        self._samples += len(chunk.times)
        self._since += len(chunk.times)
        while self._samples > self._most and len(self._kept) > 1:
            self._drop()
            while self._begins and not self._whole:
                self._drop()

    def settle(self, why: str) -> None:
        """The pipeline's text is settled."""
        self._add(Step("settle", self._clock(), why=why))

    def reset(self) -> None:
        """The pipeline forgets the past."""
        self._add(Step("reset", self._clock(), told=self._told))

    def exchange(self, config: Config, bundle: Bundle, pipeline: Pipeline) -> None:
        """Another pipeline goes on from here."""
        self._pipeline = pipeline
        self._add(Step("exchange", self._clock(), model=model_of(config, bundle)))

    def push(self, event: TextEvent) -> None:
        """What came out."""
        self._told += 1
        if self._kept:
            self._kept[-1].events.append(event)

    def flight(self) -> Flight:
        """What is kept now."""
        kept = list(self._kept)
        return Flight(
            self._person,
            self._whole,
            self._dropped,
            self._model,
            tuple(each.step for each in kept),
            tuple((number, event) for number, each in enumerate(kept) for event in each.events),
        )

    def _remember(self) -> None:
        """Keep the pipeline's state: a flight can begin there."""
        try:
            state = table_of(self._pipeline.state)
        except NoStateError:
            return
        self._add(Step("remember", self._clock(), told=self._told, state=state))

    def _add(self, step: Step) -> None:
        self._begins += bool(self._kept) and step.do in _BEGINS
        self._kept.append(_Kept(step))

    def _drop(self) -> None:
        oldest = self._kept.popleft()
        self._samples -= 0 if oldest.step.chunk is None else len(oldest.step.chunk.times)
        self._dropped += len(oldest.events)
        self._model = oldest.step.model or self._model
        self._whole = self._kept[0].step.do in _BEGINS
        self._begins -= self._whole


def dump(recorder: FlightRecorder, folder: Path, tell: Callable[[str], None], *, wait: bool = False) -> Path:
    """Write what is kept into a new file of a folder, in a thread of its own.

    Args:
        recorder: Of the person.
        folder: Made where there is none, readable by its owner alone.
        tell: Gets a sentence when the file is there, or why it is not; in that thread.
        wait: Whether to be back only then.

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
            tell(f"the flight {path} cannot be written ({error.strerror}): make room, or mend its folder")
        else:
            tell(f"{path}: what was heard and typed last; `emgtype replay {path}`")

    thread = threading.Thread(target=write, name="flight")
    thread.start()
    if wait:
        thread.join()
    return path


def model_of(config: Config, bundle: Bundle) -> Mapping[str, Any]:
    """What decodes: settings, and what the bundle's files hold."""
    layer = [f"{PERSONS}/{config.pipeline.person}.npz"] if config.pipeline.person else []
    names = [bundle.encoder.name, LM_BINARY, LM_TABLES, LM_FACTS, *layer]
    sums = {name: sha256(bundle.folder / name) for name in names if (bundle.folder / name).is_file()}
    return {"config": as_table(config), "bundle": str(bundle.folder.resolve()), "files": sums}
