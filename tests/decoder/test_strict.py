from dataclasses import dataclass, field

import pytest

from decoder.errors import InputError
from decoder.strict import build


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
