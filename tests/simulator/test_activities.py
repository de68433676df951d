from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator._forearm import DRIVE_RATE
from simulator.activities import Activity, clenching, handling, mouse
from simulator.person import HANDS, make_person
from simulator.redonning import HANDLED, redonning_chunks
from simulator.session import LAYOUT, simulate

SECONDS = 40.0


@pytest.fixture(scope="module", params=[clenching, mouse])
def activity(request: pytest.FixtureRequest) -> Activity:
    activity: Activity = request.param(SECONDS, 7)
    return activity


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 39_999), min_size=1, max_size=6, unique=True).map(sorted))
def test_any_cut_gives_the_same_drive(activity: Activity, cuts: list[int]) -> None:
    whole = activity.drive_from(0.0, 40 * DRIVE_RATE)
    borders = [0, *cuts, 40 * DRIVE_RATE]
    parts = [activity.drive_from(a / DRIVE_RATE, b - a) for a, b in pairwise(borders)]
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), whole, rtol=0, atol=1e-9)
    assert whole.min() == 0
    assert 0.2 < whole.max() < 3


def test_both_hands_clench_and_one_moves_the_mouse() -> None:
    left, right = (HANDS.index(side) for side in ("left", "right"))
    fists, clicks = (make(SECONDS, 7).drive_from(0.0, 40 * DRIVE_RATE) for make in (clenching, mouse))
    assert fists[left].max() > 0.3 < fists[right].max()
    assert clicks[left].max() == 0 < clicks[right].max()
    assert 0.05 < (fists.max(axis=(0, 1)) > 0).mean() < 0.6  # now and then


def test_activities_appear_at_the_electrodes() -> None:
    def level(activity: Activity | None) -> float:
        chunks = simulate(make_person(900), (), 3, 0.0, 20.0, activity=activity)
        return float(np.sqrt(np.mean([np.square(chunk.samples).mean() for chunk in chunks])))

    rest = level(None)
    assert level(clenching(20.0, 7)) > 2 * rest
    assert level(mouse(20.0, 7)) > 1.05 * rest


def test_one_hand_at_a_time_handles_a_band_and_both_rest_between() -> None:
    drive = handling(30.0, 3.0, 5).drive_from(0.0, 30 * DRIVE_RATE).max(axis=1)  # (hands, samples)
    spans = drive.reshape(len(HANDS), 10, -1).max(axis=-1) > 0  # 3 s each
    left, right = HANDS.index("left"), HANDS.index("right")
    assert spans[right, [0, 9]].all()
    assert spans[left, [1, 8]].all()
    assert not spans[:, 3:8].any()
    assert not spans[left, 0]
    assert not spans[right, 8]


def test_bands_are_noisy_while_handled_and_donnings_differ() -> None:
    worn = 6.0
    chunks = list(redonning_chunks(make_person(900), (3, 4), worn))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    times = np.concatenate([chunk.times for chunk in chunks])
    assert samples.dtype == np.float32
    np.testing.assert_allclose(np.diff(times), 1 / LAYOUT.rate, atol=1e-9)
    span = worn + 4 * HANDLED
    assert len(times) == 2 * span * LAYOUT.rate

    def level(start: float, end: float, band: int) -> float:
        return float(np.sqrt(np.square(samples[round(start * LAYOUT.rate) : round(end * LAYOUT.rate), band]).mean()))

    resting = level(2 * HANDLED + 1, 2 * HANDLED + worn - 1, 0)
    assert 0 < resting < 10
    assert level(0.5, HANDLED, 0) > 5 * resting  # put on
    assert level(span - 2 * HANDLED, span - HANDLED, 1) > 5 * resting  # and taken off, this one first
    assert level(span - HANDLED + 0.5, span, 1) < 20  # then nothing but hum
    first, second = (samples[round(at * LAYOUT.rate) : round((at + 4) * LAYOUT.rate)] for at in (7.0, 7.0 + span))
    assert not np.allclose(first, second)
