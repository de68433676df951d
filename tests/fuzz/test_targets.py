"""A little of what `python -m tests.fuzz` does at length."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CHANGES = 150
"""Of each seed."""


@pytest.mark.parametrize("name", TARGETS)
def test_each_seed_is_taken_and_what_is_made_of_it_is_taken_or_refused(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    for seed in target.seeds():
        assert target(seed)
        for _ in range(CHANGES):
            changed = bytearray(seed)
            for _ in range(chance.randint(1, 4)):
                start, end = sorted(chance.randrange(len(changed) + 1) for _ in range(2))
                end = min(end, start + chance.choice((0, 1, 4, 1000)))
                changed[start:end] = chance.choice((b"", chance.randbytes(3), b"[", b'"', b"\n", b"-1", b"1e999"))
            target(bytes(changed))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_taken_or_refused(name: str, data: bytes) -> None:
    TARGETS[name](data)
