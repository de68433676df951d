from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.activities import Activity, clenching, mouse
from simulator.forearm import DRIVE_RATE
from simulator.person import HANDS, make_person
from simulator.session import simulate

SECONDS = 40.0


@pytest.fixture(scope="module", params=[clenching, mouse])
def activity(request: pytest.FixtureRequest) -> Activity:
    made: Activity = request.param(SECONDS, 7)
    return made


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 39_999), min_size=1, max_size=6, unique=True).map(sorted))
def test_any_cut_gives_the_same_drive(activity: Activity, cuts: list[int]) -> None:
    whole = activity.between(0.0, 40 * DRIVE_RATE)
    borders = [0, *cuts, 40 * DRIVE_RATE]
    parts = [activity.between(a / DRIVE_RATE, b - a) for a, b in pairwise(borders)]
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), whole, rtol=0, atol=1e-9)
    assert whole.min() == 0
    assert 0.2 < whole.max() < 3


def test_fists_are_both_hands_and_a_mouse_is_one() -> None:
    left, right = (HANDS.index(side) for side in ("left", "right"))
    fists, clicks = (make(SECONDS, 7).between(0.0, 40 * DRIVE_RATE) for make in (clenching, mouse))
    assert fists[left].max() > 0.3 < fists[right].max()
    assert clicks[left].max() == 0 < clicks[right].max()
    assert 0.05 < (fists.max(axis=(0, 1)) > 0).mean() < 0.6  # now and then


def test_what_hands_do_is_seen_by_the_electrodes() -> None:
    def level(activity: Activity | None) -> float:
        chunks = simulate(make_person(900), (), 3, 0.0, 20.0, activity=activity)
        return float(np.sqrt(np.mean([np.square(chunk.samples).mean() for chunk in chunks])))

    rest = level(None)
    assert level(clenching(20.0, 7)) > 2 * rest
    assert level(mouse(20.0, 7)) > 1.05 * rest
