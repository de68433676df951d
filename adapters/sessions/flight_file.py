"""The file of a flight recorder: the input of one person's pipeline, step by step, and its output.

An .npz of numpy: `samples` (T, bands, electrodes) float32 and `times` (T,) s of all samples, `array0`, `array1`, ... of
the pipeline's states, and `record`, JSON in UTF-8, with the rest. It holds typed text and signals, and is readable by
its owner alone.
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
_VERSION = 2
_STATE = "array"

Action = Literal["samples", "finish", "reset", "exchange", "state"]


@dataclass(frozen=True, slots=True)
class Step:
    """One action on a pipeline."""

    do: Action
    at: float
    """Unix seconds: when."""
    chunk: Chunk | None = None
    """samples: what entered the pipeline."""
    why: str = ""
    """finish: the reason."""
    event_count: int = 0
    """reset and state: how many events came before."""
    model: Mapping[str, Any] | None = None
    """exchange: what decodes from here on, as in `Flight.model`."""
    state: Mapping[str, Any] | None = None
    """state: the pipeline's state at this moment, as a table with arrays."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The content of a flight recorder."""

    person: str
    whole: bool
    """Whether all of the pipeline is known at the first step: it has had no sample, or its state is there."""
    event_count: int
    """Events before the first step."""
    model: Mapping[str, Any]
    """Settings, folder and file checksums of the bundle that decodes at first."""
    steps: tuple[Step, ...]
    events: tuple[tuple[int, TextEvent], ...]
    """Each with the number of the step that caused it."""


def write_flight(path: Path, flight: Flight) -> None:
    """Write a file, which gets its name once it is complete; raises OSError if it cannot be written."""
    chunks = [step.chunk for step in flight.steps if step.chunk is not None]
    arrays: list[np.ndarray] = []
    record: dict[str, Any] = {
        "version": _VERSION,
        "person": flight.person,
        "whole": flight.whole,
        "event_count": flight.event_count,
        "model": flight.model,
        "layout": asdict(chunks[0].layout) if chunks else None,
        "steps": [_step(step, arrays) for step in flight.steps],
        "events": [[number, asdict(event)] for number, event in flight.events],
    }
    half = path.with_name(f"{path.name}.half")
    with os.fdopen(open_private(half, new=False), "wb") as file:
        contents: dict[str, Any] = {f"{_STATE}{number}": array for number, array in enumerate(arrays)}
        np.savez(
            file,
            record=np.frombuffer(json.dumps(record).encode(), np.uint8),
            samples=np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.empty((0, 0, 0), np.float32),
            times=np.concatenate([chunk.times for chunk in chunks]) if chunks else np.empty(0),
            **contents,
        )
    half.rename(path)


def read_flight(path: Path) -> Flight:
    """Read a file that `write_flight` wrote.

    Raises:
        InputError: No such file, or not one of a flight recorder.
    """
    try:
        arrays = read_arrays(path)
        record = json.loads(arrays["record"].tobytes())
        if record["version"] != _VERSION:
            raise InputError(
                f"{path} is a flight of version {record['version']!r}, expected {_VERSION}: decode it with the emgtype "
                "that wrote it"
            )
        return _flight(record, arrays)
    except FileNotFoundError:
        raise InputError(f"no flight {path}: name an existing {SUFFIX} file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} is not of a flight recorder of this version ({type(error).__name__}): expected what `emgtype "
            "control flight` wrote"
        ) from None


def _step(step: Step, arrays: list[np.ndarray]) -> dict[str, Any]:
    rows = 0 if step.chunk is None else len(step.chunk.times)
    table = {
        "do": step.do,
        "at": step.at,
        "rows": rows,
        "why": step.why,
        "event_count": step.event_count,
        "model": step.model,
    }
    return table if step.state is None else {**table, "state": _numbered(step.state, arrays)}


def _numbered(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return a tree in which each array is replaced by its number in `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_STATE: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {name: _numbered(each, arrays) for name, each in value.items()}
    return [_numbered(each, arrays) for each in value] if isinstance(value, list) else value


def _filled(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if set(value) == {_STATE}:
            return arrays[f"{_STATE}{int(value[_STATE])}"]
        return {name: _filled(each, arrays) for name, each in value.items()}
    return [_filled(each, arrays) for each in value] if isinstance(value, list) else value


def _flight(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Flight:
    samples, times = arrays["samples"], arrays["times"]
    layout = record["layout"] and Layout(**{**record["layout"], "sides": tuple(record["layout"]["sides"])})
    steps, first = [], 0
    for entry in record["steps"]:
        part = slice(first, first + int(entry["rows"]))
        first = part.stop
        chunk = Chunk(samples[part], times[part], layout) if entry["do"] == "samples" else None
        state = _filled(entry["state"], arrays) if "state" in entry else None
        steps.append(
            Step(
                entry["do"],
                float(entry["at"]),
                chunk,
                str(entry["why"]),
                int(entry["event_count"]),
                entry["model"],
                state,
            )
        )
    events = tuple((int(number), _event(event)) for number, event in record["events"])
    return Flight(
        str(record["person"]),
        bool(record["whole"]),
        int(record["event_count"]),
        dict(record["model"]),
        tuple(steps),
        events,
    )


def _event(entry: Mapping[str, Any]) -> TextEvent:
    return TextEvent(**{**entry, "insert": tuple(Key(**key) for key in entry["insert"])})
