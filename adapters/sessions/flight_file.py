"""The file of a flight recorder: the inputs of a person's pipeline, step by step, and its events.

An .npz of numpy: `samples` (T, bands, electrodes) float32 and `times` (T,) s of all received chunks, and `record`, JSON
in UTF-8 with the rest. It holds typed text and signals, so only its owner can read it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from adapters.files.arrays import read_arrays
from adapters.files.private import open_private
from messages.errors import InputError
from messages.signal import Chunk, Layout
from messages.text import Key, TextEvent

SUFFIX = ".flight"
_VERSION = 1
_STATE = "array"

Deed = Literal["hear", "settle", "reset", "exchange", "remember"]


@dataclass(frozen=True, slots=True)
class Step:
    """One input of a pipeline."""

    do: Deed
    """Kind of the step."""
    at: float
    """Unix seconds of the step."""
    chunk: Chunk | None = None
    """The samples of a step `hear`."""
    why: str = ""
    """The reason of a step `settle`, which made all text final."""
    told: int = 0
    """Number of events before a step `reset`."""
    model: Mapping[str, Any] | None = None
    """Settings and checksums of the model that decodes from a step `exchange` on."""
    state: Mapping[str, Any] | None = None
    """State of the pipeline at this moment: values of JSON, and arrays."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The content of a flight recorder."""

    person: str
    """The person who types."""
    whole: bool
    """True if it begins with a fresh pipeline, or with the state of one."""
    told: int
    """Number of events before the first step."""
    model: Mapping[str, Any]
    """The model at the beginning: settings, and the checksums of the bundle's files."""
    steps: tuple[Step, ...]
    """The inputs, in order."""
    events: tuple[tuple[int, TextEvent], ...]
    """The events, each with the number of the step that caused it."""


def write_flight(path: Path, flight: Flight) -> None:
    """Write a file, which gets its name once it is complete; raise OSError if that fails."""
    chunks = [step.chunk for step in flight.steps if step.chunk is not None]
    arrays: list[np.ndarray] = []
    record: dict[str, Any] = {
        "version": _VERSION,
        "person": flight.person,
        "whole": flight.whole,
        "told": flight.told,
        "model": flight.model,
        "layout": asdict(chunks[0].layout) if chunks else None,
        "steps": [_step(step, arrays) for step in flight.steps],
        "events": [[number, asdict(event)] for number, event in flight.events],
    }
    partial = path.with_name(f"{path.name}.half")
    with os.fdopen(open_private(partial, new=False), "wb") as file:
        contents: dict[str, Any] = {f"{_STATE}{number}": array for number, array in enumerate(arrays)}
        np.savez(
            file,
            record=np.frombuffer(json.dumps(record).encode(), np.uint8),
            samples=np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.empty((0, 0, 0), np.float32),
            times=np.concatenate([chunk.times for chunk in chunks]) if chunks else np.empty(0),
            **contents,
        )
    partial.rename(path)


def read_flight(path: Path) -> Flight:
    """Read a file that `write_flight` wrote.

    Raises:
        InputError: There is no such file, or it is not one of a flight recorder.
    """
    try:
        arrays = read_arrays(path)
        return _flight(json.loads(arrays["record"].tobytes()), arrays)
    except FileNotFoundError:
        raise InputError(f"no flight {path}: name an existing {SUFFIX} file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} is not of a flight recorder of this version ({type(error).__name__}): expected what `emgtype "
            "control flight` wrote"
        ) from None


def _step(step: Step, arrays: list[np.ndarray]) -> dict[str, Any]:
    rows = 0 if step.chunk is None else len(step.chunk.times)
    entry = {"do": step.do, "at": step.at, "rows": rows, "why": step.why, "told": step.told, "model": step.model}
    return entry if step.state is None else {**entry, "state": _without_arrays(step.state, arrays)}


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return a tree with numbers in place of its arrays, which are appended to `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_STATE: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {name: _without_arrays(each, arrays) for name, each in value.items()}
    return [_without_arrays(each, arrays) for each in value] if isinstance(value, list) else value


def _with_arrays(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a tree with its arrays in place of their numbers."""
    if isinstance(value, dict):
        if set(value) == {_STATE}:
            return arrays[f"{_STATE}{int(value[_STATE])}"]
        return {name: _with_arrays(each, arrays) for name, each in value.items()}
    return [_with_arrays(each, arrays) for each in value] if isinstance(value, list) else value


def _flight(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Flight:
    samples, times = arrays["samples"], arrays["times"]
    if record["version"] != _VERSION:
        raise ValueError
    layout = record["layout"] and Layout(**{**record["layout"], "sides": tuple(record["layout"]["sides"])})
    steps, first = [], 0
    for entry in record["steps"]:
        part = slice(first, first + int(entry["rows"]))
        first = part.stop
        chunk = Chunk(samples[part], times[part], layout) if entry["do"] == "hear" else None
        state = _with_arrays(entry["state"], arrays) if "state" in entry else None
        steps.append(
            Step(entry["do"], float(entry["at"]), chunk, str(entry["why"]), int(entry["told"]), entry["model"], state)
        )
    events = tuple((int(number), _event(event)) for number, event in record["events"])
    return Flight(
        str(record["person"]), bool(record["whole"]), int(record["told"]), dict(record["model"]), tuple(steps), events
    )


def _event(entry: Mapping[str, Any]) -> TextEvent:
    return TextEvent(**{**entry, "insert": tuple(Key(**key) for key in entry["insert"])})
