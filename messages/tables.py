"""Frozen dataclasses from tables of plain values (TOML, JSON): every key known, every value of its type.

It stands in the lowest layer because every layer above reads settings, facts or states.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from math import inf
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from messages.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a field may hold, e.g. `Annotated[float, Range(0, 60)]`; in a tuple each of its items."""

    low: float = -inf
    high: float = inf
    above: bool = False
    """Whether `low` itself is left out."""

    def holds(self, value: float) -> bool:
        """Return whether the number lies inside; NaN never does."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        start = f"above {self.low:g}" if self.above else f"{self.low:g}"
        if self.high == inf:
            return start if self.above else f"at least {start}"
        return f"at most {self.high:g}" if self.low == -inf else f"{start} to {self.high:g}"


def table_of(message: Any) -> Any:
    """Return a dataclass as the table that `build` makes it of again; arrays stay arrays, bytes become one."""
    if is_dataclass(message) and not isinstance(message, type):
        return {each.name: table_of(getattr(message, each.name)) for each in fields(message)}
    if isinstance(message, bytes):
        return np.frombuffer(message, np.uint8)
    return [table_of(item) for item in message] if isinstance(message, tuple | list) else message


def build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make a dataclass of a table; nested tables become nested dataclasses.

    Args:
        kind: A dataclass whose fields are of types int, float, str, bool, tuple of these, Literal of these, dataclass,
            or one of them or None; numbers may be annotated with a `Range`. Of several dataclasses the first is built
            whose Literal fields the table agrees with (or leaves out): such a field tells them apart.
        table: Names and values.
        where: Name of the table, for messages ("config.toml [decoder]").

    Raises:
        InputError: An unknown key (the nearest known one is named), a missing one, a value of another type, or one
            that is out of its range.
    """
    hints = get_type_hints(kind, include_extras=True)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"unknown setting {key!r} in {where}: {hint}")
    missing = [n for n, f in known.items() if n not in table and f.default is MISSING and f.default_factory is MISSING]
    if missing:
        raise InputError(f"{where} lacks {', '.join(map(repr, missing))}: add it")
    return kind(**{key: _value(hints[key], value, key, where) for key, value in table.items()})


def _value(kind: Any, value: Any, key: str, where: str) -> Any:
    if get_origin(kind) is Annotated:
        return _value_in_range(kind, value, key, where)
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if isinstance(value, np.ndarray):
        return _array(options, value, key, where)
    if isinstance(value, Mapping):
        options = _with_matching_tags(options, value, f"{where} [{key}]")
    for option in options:
        if is_dataclass(option) and isinstance(option, type) and isinstance(value, Mapping):
            return build(option, value, f"{where} [{key}]")
        if get_origin(option) is tuple and isinstance(value, list | tuple):
            return tuple(_value(get_args(option)[0], item, key, where) for item in value)
        if option is float and isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise InputError(f"{key} in {where} has {len(str(value))} digits: expected a smaller number") from None
        plain = isinstance(option, type) and not is_dataclass(option) and type(value) is option
        if plain or (get_origin(option) is Literal and value in get_args(option)):
            return value
    names = [getattr(option, "__name__", str(option)) for option in options if option is not type(None)]
    if known := [str(choice) for option in options if get_origin(option) is Literal for choice in get_args(option)]:
        raise InputError(f"{key} = {value!r} in {where} is unknown: expected one of {', '.join(known)}")
    expected = " or ".join(names)
    raise InputError(f"{key} = {value!r} in {where} is of type {type(value).__name__}: expected {expected}")


def _array(options: tuple[Any, ...], value: npt.NDArray[Any], key: str, where: str) -> Any:
    """Return an array of the type that is annotated; bytes were written as an array of them."""
    if bytes in options and value.dtype == np.uint8:
        return value.tobytes()
    for option in options:
        if get_origin(option) is np.ndarray:
            (dtype,) = get_args(get_args(option)[1])
            if value.dtype == dtype:
                return value
    raise InputError(f"{key} in {where} is an array of {value.dtype}, which does not fit: make the file anew")


def _value_in_range(kind: Any, value: Any, key: str, where: str) -> Any:
    plain, *notes = get_args(kind)
    checked = _value(plain, value, key, where)
    numbers = checked if isinstance(checked, tuple) else () if checked is None else (checked,)
    for allowed in (note for note in notes if isinstance(note, Range)):
        for number in numbers:
            if not allowed.holds(number):
                raise InputError(f"{key} = {number} in {where} is out of range: expected {allowed}")
    return checked


def _with_matching_tags(options: tuple[Any, ...], table: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    """Return the dataclass, of several, whose tags (Literal fields, such as a kind) the table agrees with."""
    tags: dict[type, dict[str, tuple[Any, ...]]]
    tags = {option: _tags(option) for option in options if isinstance(option, type) and is_dataclass(option)}
    if len(tags) < 2:
        return options
    for option, values in tags.items():
        if all(name not in table or table[name] in known for name, known in values.items()):
            return (option,)
    for name in table:
        known = {str(value): None for values in tags.values() for value in values.get(name, ())}
        if known and table[name] not in known:
            raise InputError(f"{name} = {table[name]!r} in {where} is unknown: expected one of {', '.join(known)}")
    raise InputError(f"{where} fits none of {', '.join(option.__name__ for option in tags)}: mend {', '.join(table)}")


def _tags(kind: type) -> dict[str, tuple[Any, ...]]:
    return {name: get_args(hint) for name, hint in get_type_hints(kind).items() if get_origin(hint) is Literal}
