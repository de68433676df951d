"""Spans of keys: exactly the keys that tomllib reads, where they stand."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgtype._toml_keys import find_keys
from emgtype.places import PACKAGE

STRANGE = '''
# [comment]
top = 1  # gate.enabled = true
"quoted" . 'parts' = "a # b = [c]"
multi = """
[not.a.section]
key = "no key" \\""" still
"""
literal = \'\'\'
[nor] = 'this'
\'\'\'
empty = ""
ends = """"two quotes""\"""
date = 1979-05-27 07:32:00Z
list = [ # comment ]
  "a]", 'b, c', [1, 2], { inside = "an array", is = { no = "setting" } },
]
table = { a = 1, b.c = [1], d = { e = "}" } } # }

[ spaced . out ]
key=true
[[many]]
x = -inf
[[many]]
x = 1e3
[last]
no_newline = 'at the end\''''


def paths(table: dict[str, Any], prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Names of all values, those in arrays of tables too."""
    found = set[tuple[str, ...]]()
    for key, value in table.items():
        name = (*prefix, key)
        if isinstance(value, dict):
            found |= paths(value, name)
        elif isinstance(value, list) and key == "many":
            for each in value:
                found |= paths(each, name)
        else:
            found.add(name)
    return found


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_keys_are_those_that_tomllib_reads(newline: str) -> None:
    text = STRANGE.replace("\n", newline)
    spans = find_keys(text)
    assert {span.name for span in spans if not span.section} == paths(tomllib.loads(text))
    for span in spans:
        written = [part.strip(" \"'") for part in text[span.start : span.end].split(".")]
        assert written == list(span.name[span.depth :])
    sections = [span.name for span in spans if span.section]
    assert sections == [("table",), ("table", "d"), ("spaced", "out"), ("many",), ("many",), ("last",)]


def test_the_shipped_settings_are_found_in_their_order() -> None:
    text = PACKAGE.find("config.toml").read_text(encoding="utf-8")
    names = [span.name for span in find_keys(text) if not span.section]
    assert set(names) == paths(tomllib.loads(text))
    assert names[:4] == [("bundle",), ("session",), ("person",), ("source", "stream")]


KEYS = st.text("abc", min_size=1, max_size=2)
VALUES = st.recursive(
    st.one_of(
        st.integers(),
        st.booleans(),
        st.text("ab #[]{}=,.'\"\\\n", max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def written(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ", # ]\n".join(map(written, value)) + "\n]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_keys_of_any_values_are_found(table: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {written(value)} # {key}" for key, value in table.items())
    assert tomllib.loads(text) == table
    assert {span.name for span in find_keys(text) if not span.section} == paths(table)
