"""A little of what `python -m tests.fuzz` does at length."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

_PUT = (b"[", b'"', b"\n", b"-1", b"1e999", b"[" * 1500, b'{"a":' * 1500, b"9" * 400, b"9" * 5000)
CHANGES = 150
"""Of all seeds of a target."""


@pytest.mark.parametrize("name", TARGETS)
def test_each_seed_is_taken_and_what_is_made_of_it_is_taken_or_refused(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    seeds = target.seeds()
    for seed in seeds:
        assert target(seed)
        for _ in range(CHANGES // len(seeds)):
            changed = bytearray(seed)
            for _ in range(chance.randint(1, 4)):
                start, end = sorted(chance.randrange(len(changed) + 1) for _ in range(2))
                end = min(end, start + chance.choice((0, 1, 4, 1000)))
                changed[start:end] = chance.choice((b"", chance.randbytes(3), *_PUT))
            target(bytes(changed))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_taken_or_refused(name: str, data: bytes) -> None:
    TARGETS[name](data)
