from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest

from messages.errors import InputError
from messages.tables import Range, build


@dataclass(frozen=True)
class Inner:
    beam: int = 50
    rolls: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    rate: float = 1.0
    weight: float | None = None
    inner: Inner = field(default_factory=Inner)


def test_builds_nested_tables() -> None:
    built = build(Outer, {"name": "a", "rate": 2, "weight": 0.5, "inner": {"beam": 3, "rolls": [1, 2]}}, "x")
    assert built == Outer("a", 2.0, 0.5, Inner(3, (1, 2)))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"name": "a", "inner": {"baem": 3}}, r"unknown setting 'baem' in x \[inner\]: did you mean 'beam'\?"),
        ({"name": "a", "zzz": 3}, "known are name, rate, weight, inner"),
        ({}, "x lacks 'name'"),
        ({"name": 3}, "name = 3 in x is of type int: expected str"),
        ({"name": "a", "inner": {"beam": True}}, "beam = True .* expected int"),
        ({"name": "a", "weight": "heavy"}, "expected float"),
        ({"name": "a", "inner": 4}, "expected Inner"),
        ({"name": "a", "inner": {"rolls": [1, "b"]}}, "rolls = 'b'"),
    ],
)
def test_bad_tables_get_one_sentence(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build(Outer, table, "x")


@dataclass(frozen=True)
class Circle:
    pen: Literal["thin", "thick"] = "thin"
    shape: Literal["circle", "disc"] = "circle"
    radius: float = 1.0


@dataclass(frozen=True)
class Square:
    pen: Literal["thin", "thick"] = "thin"
    shape: Literal["square"] = "square"
    side: float = 1.0


@dataclass(frozen=True)
class Drawing:
    shape: Circle | Square | None = None


def test_a_tag_names_the_dataclass_that_is_meant() -> None:
    assert build(Drawing, {"shape": {"shape": "square", "side": 2}}, "x").shape == Square(side=2.0)
    assert build(Drawing, {"shape": {"shape": "disc"}}, "x").shape == Circle(shape="disc")
    assert build(Drawing, {"shape": {"radius": 3}}, "x").shape == Circle(radius=3.0)
    with pytest.raises(InputError, match=r"shape = 'line' in x \[shape\] is unknown: expected one of circle, disc, sq"):
        build(Drawing, {"shape": {"shape": "line"}}, "x")
    with pytest.raises(InputError, match=r"pen = 'red' in x \[shape\] is unknown: expected one of thin, thick"):
        build(Drawing, {"shape": {"shape": "square", "pen": "red"}}, "x")
    with pytest.raises(InputError, match=r"unknown setting 'radius' in x \[shape\]"):
        build(Drawing, {"shape": {"shape": "square", "radius": 2}}, "x")
    with pytest.raises(InputError, match=r"shape = 'line' in x \[circle\] is unknown: expected one of circle, disc"):
        build(Circle, {"shape": "line"}, "x [circle]")


@pytest.mark.parametrize("value", [None, 3])
def test_a_tagged_union_is_still_a_union(value: object) -> None:
    if value is None:
        assert build(Drawing, {}, "x").shape is None
    else:
        with pytest.raises(InputError, match="expected Circle or Square"):
            build(Drawing, {"shape": value}, "x")


@dataclass(frozen=True)
class Limits:
    share: Annotated[float, Range(0, 1)] = 0.5
    gains: Annotated[tuple[float, ...], Range(0, above=True)] = ()
    count: Annotated[int, Range(high=10)] = 0
    weight: Annotated[float | None, Range(0, 100)] = None


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"share": 1.5}, r"^share = 1.5 in x is out of range: expected 0 to 1$"),
        ({"share": float("nan")}, "share = nan"),
        ({"gains": [1.0, 0.0]}, "gains = 0.0 in x is out of range: expected above 0"),
        ({"count": 11}, "count = 11 in x is out of range: expected at most 10"),
        ({"weight": -1}, "weight = -1.0"),
    ],
)
def test_numbers_out_of_their_range_are_refused(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build(Limits, table, "x")


def test_the_ends_of_a_range_belong_to_it() -> None:
    table = {"share": 1.0, "gains": [1e-9], "count": 10, "weight": None}
    assert build(Limits, table, "x") == Limits(1.0, (1e-9,), 10, None)
