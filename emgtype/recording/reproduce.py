"""Decodes a flight again, as fast as possible, and compares the events with the recorded ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256
from adapters.sessions.flight_file import Flight
from emgtype.config import Config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble_group
from messages.errors import InputError
from messages.tables import build
from messages.text import KeySequence, TextEvent, render
from streamer.group import PipelineGroup
from streamer.handover import hand_over
from streamer.pipeline import Pipeline, PipelineState
from streamer.stages import unobserved

_OLDER = "decode it with the emgtype that wrote it"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A flight decoded again."""

    events: tuple[TextEvent, ...]
    """Events of this time."""
    recorded: tuple[TextEvent, ...]
    """Events in the flight."""
    equal_from: int
    """Number of the recorded event from which on all are the same to the last digit; their count if none is."""
    whole: bool
    """Whether the flight begins with a pipeline of which all is known: then all events should be the same."""

    @property
    def text(self) -> str:
        """The typed text."""
        keys = KeySequence()
        # A reset makes the recorded numbers leap.
        for number, event in enumerate(self.events):
            keys.push(replace(event, seq=number))
        return render(key.label for key in (*keys.final, *keys.tail))

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for --json."""
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
        reason = "" if self.whole else ", since the flight begins in the middle of typing"
        same = count - self.equal_from
        return f"{same} of {count} events are those of the flight, from number {self.equal_from} on{reason}"


def restore(pipeline: Pipeline, table: Mapping[str, Any]) -> None:
    """Have a pipeline go on as the one did whose state was recorded.

    Raises:
        InputError: The state is of another kind of pipeline: a field is missing, left over, or of another type.
    """
    current = pipeline.state
    names = [each.name for each in fields(current)]
    if wrong := {*names} ^ {*table}:
        raise InputError(
            f"the flight's state has other parts than this version's ({', '.join(sorted(wrong))}): {_OLDER}"
        )
    parts: dict[str, Any] = {}
    for name in names:
        part, value = getattr(current, name), table[name]
        if is_dataclass(part) != isinstance(value, Mapping):
            raise InputError(f"the flight's state does not fit this pipeline's {name}: {_OLDER}")
        parts[name] = build(type(part), value, f"the flight's state [{name}]") if is_dataclass(part) else value
    try:
        pipeline.state = PipelineState(**parts)
    except ValueError as error:
        raise InputError(f"the flight's state does not fit this pipeline ({error}): {_OLDER}") from None


def reproduce(
    flight: Flight, bundle: str | None = None, advance: Callable[[int], None] = lambda _steps: None
) -> Reproduced:
    """Decode a flight again.

    Args:
        flight: As it was recorded.
        bundle: Where the bundle lies now; None: where it lay.
        advance: Gets how many steps are done since the last call.

    Raises:
        InputError: The bundle is not there, or another one; or the file was changed.
    """
    try:
        return _decoded_again(flight, bundle, advance)
    except InputError:
        raise
    # A changed file can reach every stage of the pipeline, each with errors of its own.
    except Exception as error:
        raise InputError(
            f"the flight cannot be decoded ({type(error).__name__}): expected it as `emgtype control flight` wrote it"
        ) from error


def _decoded_again(flight: Flight, bundle: str | None, advance: Callable[[int], None]) -> Reproduced:
    group = _group(flight.model, bundle)
    events: list[TextEvent] = []
    count = flight.event_count
    for number, step in enumerate(flight.steps):
        new_events: list[TextEvent] = []
        if step.do == "samples" and step.chunk is not None:
            answer = group.push({0: step.chunk})[0]
            # Samples that are refused now were refused then, too.
            new_events = [] if isinstance(answer, InputError) else answer
        elif step.do == "finish":
            new_events = group.pipelines[0].finish()
        elif step.do == "reset":
            group.pipelines[0].reset()
            count = step.event_count
        elif step.do == "state" and step.state is not None:
            count = step.event_count
            if number == 0:
                restore(group.pipelines[0], step.state)
        elif step.model is not None:
            successor = _group(step.model, bundle)
            new_events = hand_over(group.pipelines[0], successor.pipelines[0])
            group = successor
        events += [replace(event, seq=count + place) for place, event in enumerate(new_events)]
        count += len(new_events)
        advance(1)
    recorded = tuple(event for _, event in flight.events)
    return Reproduced(tuple(events), recorded, _equal_from(events, recorded), flight.whole)


def _equal_from(events: list[TextEvent], recorded: tuple[TextEvent, ...]) -> int:
    same = 0
    for ours, theirs in zip(reversed(events), reversed(recorded), strict=False):
        if ours != theirs:
            break
        same += 1
    # More events than then are a difference at the beginning.
    if same == len(recorded) != len(events):
        return min(1, len(recorded))
    return len(recorded) - same


def _group(model: Mapping[str, Any], elsewhere: str | None) -> PipelineGroup:
    config = build(Config, dict(model["config"]), "the flight")
    bundle = open_bundle(elsewhere or str(model["bundle"]), config.pipeline.precision)
    changed = [name for name, checksum in model["files"].items() if _differs(bundle.folder / name, checksum)]
    if changed:
        raise InputError(
            f"the flight was decoded by another {', '.join(changed)} than lies in {bundle.folder}: name the bundle "
            "that decoded it with --bundle"
        )
    return assemble_group(bundle, [config], [unobserved])


def _differs(path: Path, checksum: str) -> bool:
    return not path.is_file() or sha256(path) != checksum
