"""The flight recorder: the last minutes of what entered somebody's pipeline and what came out, to be played again.

It holds typed text and signals, and is off unless the settings ask for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import PERSONS
from adapters.sessions.flight_file import SUFFIX, Flight, Step, write_flight
from emgtype.config import Config, as_table
from emgtype.models.bundle import Bundle, assemble_group, open_bundle
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from emgtype.recording.pipeline_state import put_state, take_state
from messages.errors import InputError
from messages.signal import Chunk
from messages.tables import build
from messages.text import KeySequence, TextEvent, render
from streamer.group import PipelineGroup
from streamer.handover import hand_over
from streamer.pipeline import Pipeline, unobserved

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
            if (state := take_state(self._pipeline)) is not None:
                self._add(Step("remember", self._clock(), told=self._told, state=state))
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
            tell(f"{path}: what was heard and typed last; `emgtype flight {path}`")

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


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A flight played again."""

    events: tuple[TextEvent, ...]
    """What came out this time."""
    recorded: tuple[TextEvent, ...]
    """What came out in the flight."""
    equal_from: int
    """Number of the recorded event from which on all are the same to the last digit; their count where none is."""
    whole: bool
    """Whether the flight begins with a pipeline of which all is known: then all should be the same."""

    @property
    def text(self) -> str:
        """What was typed."""
        keys = KeySequence()
        for number, event in enumerate(self.events):  # in numbers without a leap, which a reset may bring
            keys.push(replace(event, seq=number))
        return render(key.label for key in (*keys.final, *keys.tail))

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "events": len(self.recorded),
            "equal_from": self.equal_from,
            "reproduced": not self.equal_from,
            "whole": self.whole,
            "text": self.text,
        }

    def __str__(self) -> str:
        count = len(self.recorded)
        if not self.equal_from:
            return f"all {count} events are those of the flight to the last digit"
        late = "" if self.whole else ", since the flight begins in the midst of typing"
        same = count - self.equal_from
        return f"{same} of {count} events are those of the flight, from number {self.equal_from} on{late}"


def reproduce(
    flight: Flight, bundle: str | None = None, advance: Callable[[int], None] = lambda _steps: None
) -> Reproduced:
    """Play a flight again, as fast as possible.

    Args:
        flight: As it was recorded.
        bundle: Where the bundle lies now; None: where it lay.
        advance: Gets how many steps are done since the last call.

    Raises:
        InputError: The bundle is not there, or another one; or the file was changed.
    """
    try:
        return _played(flight, bundle, advance)
    except InputError:
        raise
    except Exception as error:  # what a pipeline remembers reaches all of its stages
        raise InputError(
            f"the flight cannot be played ({type(error).__name__}): expected it as `emgtype control flight` wrote it"
        ) from error


def _played(flight: Flight, bundle: str | None, advance: Callable[[int], None]) -> Reproduced:
    group = _group(flight.model, bundle)
    events: list[TextEvent] = []
    told = flight.told
    for number, step in enumerate(flight.steps):
        came: list[TextEvent] = []
        if step.do == "hear" and step.chunk is not None:
            answer = group.push({0: step.chunk})[0]
            came = [] if isinstance(answer, InputError) else answer  # refused then, too
        elif step.do == "settle":
            came = group.pipelines[0].finish()
        elif step.do == "reset":
            group.pipelines[0].reset()
            told = step.told
        elif step.do == "remember" and step.state is not None:
            told = step.told
            if number == 0:
                put_state(group.pipelines[0], step.state)
        elif step.model is not None:
            successor = _group(step.model, bundle)
            came = hand_over(group.pipelines[0], successor.pipelines[0])
            group = successor
        events += [replace(event, seq=told + count) for count, event in enumerate(came)]
        told += len(came)
        advance(1)
    recorded = tuple(event for _, event in flight.events)
    return Reproduced(tuple(events), recorded, _equal_from(events, recorded), flight.whole)


def _equal_from(events: list[TextEvent], recorded: tuple[TextEvent, ...]) -> int:
    same = 0
    for ours, theirs in zip(reversed(events), reversed(recorded), strict=False):
        if ours != theirs:
            break
        same += 1
    if same == len(recorded) != len(events):  # more came out than then: that is a difference, at the beginning
        return min(1, len(recorded))
    return len(recorded) - same


def _group(model: Mapping[str, Any], elsewhere: str | None) -> PipelineGroup:
    config = build(Config, dict(model["config"]), "the flight")
    bundle = open_bundle(elsewhere or str(model["bundle"]), config.pipeline.precision)
    changed = [name for name, checksum in model["files"].items() if _differs(bundle.folder / name, checksum)]
    if changed:
        raise InputError(
            f"the flight was decoded by another {', '.join(changed)} than lies in {bundle.folder}: name a bundle with "
            "what it was, by --bundle"
        )
    return assemble_group(bundle, [config], [unobserved])


def _differs(path: Path, checksum: str) -> bool:
    return not path.is_file() or sha256(path) != checksum
