"""Finds every irregularity of a session file, where the reader would stop at the first: `check_session`.

It opens files that the reader refuses, so it reads HDF5 by itself.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import h5py
import numpy as np

from adapters.sessions import format as form
from adapters.sessions._check_signal import FLAT, RATE, SampleCheck, StampCheck
from adapters.sessions.findings import Finding, error, note, some, warning
from adapters.sessions.reader import HDF5_ERRORS
from messages.charset import key_name_to_label
from messages.typed import ON_KEYBOARD

BLOCK = 20 * FLAT
"""Number of rows that are read at once: 5 MB."""
_REQUIRED = (form.NAME, form.USER, form.CONDITION, form.MINUTES, form.KEYSTROKES, form.PROMPTS)


class _BrokenFileError(Exception):
    """A part of the file that HDF5 cannot read."""


@contextmanager
def _reading() -> Iterator[None]:
    """Turn the errors of h5py into a _BrokenFileError; nothing but h5py's calls may stand inside."""
    try:
        yield
    except HDF5_ERRORS as failure:
        raise _BrokenFileError(str(failure)) from failure


def check_session(path: Path, advance: Callable[[int], None] = lambda _rows: None) -> Iterator[Finding]:
    """Yield the findings of a file: its container, its attributes, its samples, then the truth against the stamps.

    Args:
        path: The file.
        advance: Gets the number of rows that were read since the last call.
    """
    if not path.is_file():
        yield error("missing", "no such file")
        return
    try:
        file = h5py.File(path, "r")
    except OSError as failure:
        yield _unreadable(str(failure))
        return
    with file:
        try:
            yield from _check(file, path, advance)
        except _BrokenFileError as failure:
            yield error("broken", f"cannot be read: {failure}")


def _check(file: h5py.File, path: Path, advance: Callable[[int], None]) -> Iterator[Finding]:
    with _reading():
        group, members = file.get(form.GROUP), list(file)
    if not isinstance(group, h5py.Group):
        yield error("no-group", f"holds {some(members) or 'nothing'}: expected the group {form.GROUP}")
        return
    with _reading():
        attributes = dict(group.attrs.items())
    attributes = {name: _plain(value) for name, value in attributes.items()}
    yield from _check_attributes(attributes, path)
    with _reading():
        series, members = group.get(form.SERIES), list(group)
        is_dataset = isinstance(series, h5py.Dataset)
        dtype: np.dtype = series.dtype if is_dataset else np.dtype("V")
        shape: tuple[int, ...] = series.shape if is_dataset else ()
    if not is_dataset:
        yield error("no-series", f"{form.GROUP} holds {some(members) or 'nothing'}: expected {form.SERIES}")
        return
    record_findings = list(_check_record(dtype, shape))
    yield from record_findings
    span = None
    if not any(finding.severity == "error" for finding in record_findings):
        stamps, samples = StampCheck(), SampleCheck()
        yield from _check_rows(series, stamps, samples, advance)
        if stamps.count:
            yield from stamps.findings()
            yield from samples.findings()
            span = (stamps.first, stamps.last)
            yield from _check_rate(stamps.rate)
    yield from _check_truth(attributes, span)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _unreadable(reason: str) -> Finding:
    if "unable to lock" in reason:
        return error("locked", "is still being written")
    if "truncated" in reason:
        return error("truncated", "is truncated: restore it from its source")
    return error("no-hdf5", "is no HDF5 file, or its head is broken")


def _check_record(dtype: np.dtype, shape: tuple[int, ...]) -> Iterator[Finding]:
    names, expected_names = dtype.names or (), form.RECORD.names or ()
    for name in expected_names:
        if name not in names:
            yield error("field", f"lacks the field {name}: found {some(names) or dtype}")
            continue
        actual, expected = dtype[name], form.RECORD[name]
        if actual.shape != expected.shape or actual.base.kind not in "fiu":
            yield error("field", f"the field {name} is {actual}: expected {expected}")
        elif actual != expected:
            yield warning("dtype", f"the field {name} is {actual}: expected {expected}")
    if [name for name in names if name in expected_names] != list(names):
        yield note("field", f"has more fields than expected: {some(names)}")
    if len(shape) != 1 or not shape[0]:
        yield error("empty", f"has samples of shape {shape}: expected one row after the other")


def _check_rows(
    series: h5py.Dataset, stamps: StampCheck, samples: SampleCheck, advance: Callable[[int], None]
) -> Iterator[Finding]:
    for first in range(0, len(series), BLOCK):
        try:
            with _reading():
                rows = series[first : first + BLOCK]
        except _BrokenFileError as failure:
            if not isinstance(failure.__cause__, OSError):
                raise
            yield error("truncated", f"cannot be read from sample {first} of {len(series)} on: {failure}")
            return
        stamps.add(rows[form.TIME].astype(np.float64, copy=False))
        sides = [rows[form.FIELDS[side]] for side in form.LAYOUT.sides]
        # (T, bands, electrodes)
        samples.add(np.stack(sides, axis=1).astype(np.float32, copy=False))
        advance(len(rows))


def _check_rate(rate: float) -> Iterator[Finding]:
    if rate and abs(rate - RATE) > form.RATE_TOLERANCE * RATE:
        yield error("rate", f"was sampled at {rate:.0f} Hz: expected {RATE:.0f} Hz")


def _check_attributes(attributes: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    missing = [name for name in _REQUIRED if name not in attributes]
    if missing:
        yield warning("attribute", f"lacks the attribute {some(missing)}")
    name = attributes.get(form.NAME)
    if name is not None and name != path.stem:
        yield warning("name", f"{form.NAME} is {name!r}: expected the file's name")
    user = attributes.get(form.USER)
    if user is not None and not (isinstance(user, str) and len(user) == 8 and user.isdecimal()):
        yield warning("user", f"{form.USER} is {user!r}: expected a string of eight digits")
    condition = attributes.get(form.CONDITION, ON_KEYBOARD)
    if condition != ON_KEYBOARD:
        yield note(
            "condition", f"{form.CONDITION} is {condition!r}: the truth is in the prompts, not in the keystrokes"
        )
    minutes = attributes.get(form.MINUTES, 0.0)
    if not _is_number(minutes) or not math.isfinite(minutes):
        yield error("minutes", f"{form.MINUTES} is {minutes!r}: expected a number of minutes")


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating)


def _check_truth(attributes: Mapping[str, Any], span: tuple[float, float] | None) -> Iterator[Finding]:
    """Check key presses and prompts; `span`: seconds of the first and the last sample, None if unknown."""
    typed = attributes.get(form.CONDITION, ON_KEYBOARD) == ON_KEYBOARD
    for name, decides in ((form.KEYSTROKES, typed), (form.PROMPTS, not typed)):
        entries, broken = _entries(attributes.get(name, "[]"), name)
        yield from broken
        if not broken and not entries:
            yield (error if decides else note)("empty-truth", f"{name} is empty{': nothing to learn' * decides}")
        yield from _check_times(entries, name, span)
        if name == form.KEYSTROKES:
            yield from _check_keys(entries)
        else:
            yield from _check_prompts(entries)
    minutes = attributes.get(form.MINUTES)
    if span and _is_number(minutes) and abs(minutes * 60 - (span[1] - span[0])) > 2.0:
        measured = (span[1] - span[0]) / 60
        yield warning("minutes", f"{form.MINUTES} is {minutes:.2f}, the stamps span {measured:.2f} minutes")


def _entries(text: Any, name: str) -> tuple[list[Mapping[str, Any]], list[Finding]]:
    try:
        entries = json.loads(text)
    except (ValueError, TypeError, RecursionError) as failure:
        return [], [error("json", f"{name} is broken JSON: {failure}")]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [], [error("json", f"{name} is no list of objects")]
    return entries, []


def _check_times(entries: list[Mapping[str, Any]], name: str, span: tuple[float, float] | None) -> Iterator[Finding]:
    untimed = [i for i, entry in enumerate(entries) if not all(form.is_time(entry.get(at)) for at in ("start", "end"))]
    if untimed:
        yield error("times", f"{len(untimed)} {name} have no start and end in unix seconds, at {some(untimed)}")
    left_out = set(untimed)
    timed = [(i, e["start"], e["end"]) for i, e in enumerate(entries) if i not in left_out]
    backwards = [i for i, start, end in timed if end < start]
    if backwards:
        yield warning("times", f"{len(backwards)} {name} end before they start, at {some(backwards)}")
    unsorted = [i for (_, one, _), (i, other, _) in pairwise(timed) if other < one]
    if unsorted:
        yield warning("unsorted", f"{len(unsorted)} {name} start before the one ahead of them, at {some(unsorted)}")
    outside = [i for i, start, _ in timed if span and not span[0] <= start <= span[1]]
    if outside:
        yield warning(
            "outside", f"{len(outside)} {name} start outside the recording and do not count, at {some(outside)}"
        )


def _check_keys(entries: list[Mapping[str, Any]]) -> Iterator[Finding]:
    nameless = [i for i, entry in enumerate(entries) if not isinstance(entry.get("key"), str)]
    if nameless:
        yield error("keys", f"{len(nameless)} keystrokes have no key, at {some(nameless)}")
    names = Counter(entry["key"] for entry in entries if isinstance(entry.get("key"), str))
    unknown = [f"{name!r} × {count}" for name, count in names.most_common() if key_name_to_label(name) is None]
    if unknown:
        yield note("unknown-keys", f"keys outside the character set, which do not count: {some(unknown)}")


def _check_prompts(entries: list[Mapping[str, Any]]) -> Iterator[Finding]:
    payloads = [entry.get("payload") for entry in entries]
    null = [i for i, payload in enumerate(payloads) if not isinstance(payload, Mapping) or "text" not in payload]
    if null:
        yield note("null-payload", f"{len(null)} prompts have no text (legal), at {some(null)}")
