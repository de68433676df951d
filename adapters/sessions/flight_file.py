"""The file of a flight recorder: what entered somebody's pipeline, step by step, and what came out.

An .npz of numpy: `samples` (T, bands, electrodes) float32 and `times` (T,) s of all that was heard, and `record`, JSON
in UTF-8 with the rest. It holds typed text and signals, and is readable by its owner alone.
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

Deed = Literal["hear", "settle", "reset", "exchange", "remember"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that befell a pipeline."""

    do: Deed
    at: float
    """Unix seconds: when."""
    chunk: Chunk | None = None
    """What was heard."""
    why: str = ""
    """Of a text that was settled."""
    told: int = 0
    """Of a reset: events before it."""
    model: Mapping[str, Any] | None = None
    """Of an exchange: what decodes from here on."""
    state: Mapping[str, Any] | None = None
    """What the pipeline remembered at this moment: JSON's values, and arrays."""


@dataclass(frozen=True, slots=True)
class Flight:
    """What a flight recorder holds."""

    person: str
    whole: bool
    """Whether it begins with a pipeline that has heard nothing, or with what it remembered."""
    told: int
    """Events before the first step."""
    model: Mapping[str, Any]
    """What decodes at first: settings, and the checksums of the bundle's files."""
    steps: tuple[Step, ...]
    events: tuple[tuple[int, TextEvent], ...]
    """Each with the number of the step that brought it."""


def write_flight(path: Path, flight: Flight) -> None:
    """Write a file, which has its name once it is complete; OSError where it cannot be."""
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
    """Inverse of `write_flight`.

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
    told = {"do": step.do, "at": step.at, "rows": rows, "why": step.why, "told": step.told, "model": step.model}
    return told if step.state is None else {**told, "state": _without(step.state, arrays)}


def _without(value: Any, arrays: list[np.ndarray]) -> Any:
    """A tree with the number of an array in its place; they go into the file beside it."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_STATE: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {name: _without(each, arrays) for name, each in value.items()}
    return [_without(each, arrays) for each in value] if isinstance(value, list) else value


def _with(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if set(value) == {_STATE}:
            return arrays[f"{_STATE}{int(value[_STATE])}"]
        return {name: _with(each, arrays) for name, each in value.items()}
    return [_with(each, arrays) for each in value] if isinstance(value, list) else value


def _flight(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Flight:
    samples, times = arrays["samples"], arrays["times"]
    layout = record["layout"] and Layout(**{**record["layout"], "sides": tuple(record["layout"]["sides"])})
    steps, first = [], 0
    for entry in record["steps"]:
        part = slice(first, first + int(entry["rows"]))
        first = part.stop
        chunk = Chunk(samples[part], times[part], layout) if entry["do"] == "hear" else None
        state = _with(entry["state"], arrays) if "state" in entry else None
        steps.append(
            Step(entry["do"], float(entry["at"]), chunk, str(entry["why"]), int(entry["told"]), entry["model"], state)
        )
    events = tuple((int(number), _event(event)) for number, event in record["events"])
    return Flight(
        str(record["person"]), bool(record["whole"]), int(record["told"]), dict(record["model"]), tuple(steps), events
    )


def _event(entry: Mapping[str, Any]) -> TextEvent:
    return TextEvent(**{**entry, "insert": tuple(Key(**key) for key in entry["insert"])})
