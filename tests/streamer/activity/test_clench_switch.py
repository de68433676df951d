"""The clench switch on signals made by hand: see `tests.streamer.activity.hands`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.activity.clench_switch import ClenchSwitch
from tests.streamer.activity.hands import FACTS, FINGERS, FIST, REST, Part, pieces, plain, signal

CUTS = st.lists(st.integers(0, 24_000), max_size=10).map(sorted)
MIXED: list[Part] = [
    (3, REST, REST),
    (0.5, FIST, FIST),
    (1, REST, REST),
    *FINGERS * 5,
    (3, FIST, FIST),
    (2, REST, REST),
]
"""A clench too short, typing, and one long enough."""


@settings(max_examples=20, deadline=None)
@given(cuts=CUTS)
def test_a_long_clench_counts_once_however_the_samples_are_cut(cuts: list[int]) -> None:
    switch = ClenchSwitch(FACTS, 1.0)
    assert sum(switch.push(piece) for piece in pieces(signal(MIXED), cuts)) == 1


def test_missing_samples_break_a_clench_off_but_the_floor_stays() -> None:
    switch, fists = ClenchSwitch(FACTS, 1.0), signal([(3, FIST, FIST)])
    assert switch.push(signal([(3, REST, REST)])) == 0
    assert switch.push(fists) == 1
    assert switch.push(fists) == 0, "the clench goes on, and counted already"
    fists.samples[-1] = np.nan
    assert switch.push(fists) == 0
    assert switch.push(signal([(2, FIST, FIST)])) == 1


def test_one_fist_is_none_and_before_a_rest_there_is_none() -> None:
    switch = ClenchSwitch(FACTS, 1.0)
    # With noise of its own on the other band, so that the fist's band is not steady with it.
    assert switch.push(signal([(0.3, FIST, REST), (0.1, FIST, FIST)] * 10)) == 0
    assert switch.push(signal([(3, REST, REST), (4, FIST, REST), (1, REST, REST)])) == 0
    assert switch.push(signal([(3, FIST, FIST)])) == 1
    switch.reset()
    assert switch.push(signal([(1.4, FIST, FIST)])) == 0


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_a_clench_must_last_as_long_as_it_was_asked_for(seconds: float) -> None:
    def clenches(duration: float) -> int:
        switch = ClenchSwitch(FACTS, seconds)
        return switch.push(signal([(3, REST, REST), (duration, FIST, FIST), (1, REST, REST)]))

    assert clenches(seconds - 0.15) == 0
    assert clenches(seconds + 0.15) == 1


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 24_000), min_size=1, max_size=10).map(sorted), at=st.integers(1, 10))
def test_a_switch_with_the_state_of_another_goes_on_as_it_would(cuts: list[int], at: int) -> None:
    chunks = pieces(signal(MIXED), cuts)
    at = min(at, len(cuts))
    switch, fresh = ClenchSwitch(FACTS, 1.0), ClenchSwitch(FACTS, 1.0)
    fresh.push(signal(FINGERS))
    for chunk in chunks[:at]:
        switch.push(chunk)
    state = switch.state
    expected = [switch.push(chunk) for chunk in chunks[at:]]
    fresh.state = state
    assert plain(fresh.state) == plain(state)
    assert [fresh.push(chunk) for chunk in chunks[at:]] == expected
