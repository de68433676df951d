"""The loudness of frames, checked by direct sums, and the floor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.signal import F32, F64
from streamer.activity.loudness import Evidence, Floor, Loudness, LoudnessMeter, loudest, quietest
from tests.streamer.activity.hands import FACTS, LAYOUT

FRAMES_PER_SECOND = LAYOUT.rate / FACTS.front_end.hop


def random_frames(count: int, seed: int = 0) -> F32:
    """Return (frames, bands, electrodes, bins) log10 power that jumps now and then."""
    rng = np.random.default_rng(seed)
    jumps = np.repeat(rng.uniform(0, 2, (count // 20 + 1, LAYOUT.bands, 1, 1)), 20, axis=0)[:count]
    shape = (count, LAYOUT.bands, LAYOUT.electrodes, FACTS.front_end.bins)
    return (jumps + rng.normal(0, 0.2, shape)).astype(np.float32)


def assert_same(found: Loudness, expected: Loudness) -> None:
    for name in Evidence._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def joined(parts: list[Loudness]) -> Loudness:
    return Loudness(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in Evidence._fields})


def test_levels_are_decibels_of_the_power_in_the_band_of_the_muscles() -> None:
    frames = np.full((400, 2, 4, 33), 2.0, np.float32)
    frames[:, 1] = 0.5
    # The first bin from 60 Hz on and the last one up to 400 Hz: those outside do not count.
    frames[..., [0, 14, 32]] = 7.0
    loudness = LoudnessMeter(FACTS.front_end, LAYOUT).push(frames)
    for name in ("burst", "posture", "swell", "effort", "pause", "rest"):
        np.testing.assert_allclose(getattr(loudness, name), np.tile([20.0, 5.0], (400, 1)), atol=1e-9)
    assert np.flatnonzero(loudness.steady)[0] == round(1.5 * FRAMES_PER_SECOND) - 1


def test_windows_are_as_long_as_they_say() -> None:
    frames = random_frames(500)
    frequencies = np.arange(FACTS.front_end.bins) * LAYOUT.rate / FACTS.front_end.window
    inside = (frequencies >= 60) & (frequencies <= 400)
    level: F64 = 10 * frames[..., inside].astype(np.float64).mean(axis=(2, 3))
    loudness = LoudnessMeter(FACTS.front_end, LAYOUT).push(frames)

    def mean(frame: int, seconds: float) -> F64:
        return np.asarray(level[frame + 1 - round(seconds * FRAMES_PER_SECOND) : frame + 1].mean(axis=0))

    def largest(frame: int, seconds: float, reach: float) -> F64:
        places = range(frame + 1 - round(reach * FRAMES_PER_SECOND), frame + 1)
        return np.asarray(np.max([mean(place, seconds) for place in places], axis=0))

    for frame in range(220, 500, 7):
        np.testing.assert_allclose(loudness.burst[frame], largest(frame, 0.04, 0.2), atol=0.01)
        np.testing.assert_allclose(loudness.posture[frame], largest(frame, 0.12, 0.2), atol=0.01)
        for name, seconds in (("swell", 0.12), ("effort", 0.3), ("pause", 0.2), ("rest", 1.5)):
            np.testing.assert_allclose(getattr(loudness, name)[frame], mean(frame, seconds), atol=0.01, err_msg=name)


def test_a_frame_is_steady_if_no_swell_of_the_last_second_and_a_half_is_3_db_above_its_mean() -> None:
    frames = np.ones((1000, 2, 4, 33), np.float32)
    frames[400:415, 1] += 0.34
    steady = LoudnessMeter(FACTS.front_end, LAYOUT).push(frames).steady
    assert steady[399]
    assert not steady[415:570].any()
    assert steady[610:].all()
    frames[400:415, 1] -= 0.06
    assert LoudnessMeter(FACTS.front_end, LAYOUT).push(frames).steady[300:].all()


def test_an_electrode_without_contact_counts_as_10_db_below_the_median_one() -> None:
    frames = np.full((20, 2, 4, 33), 2.0, np.float32)
    frames[:, 0, 1] = -9.0
    np.testing.assert_allclose(
        LoudnessMeter(FACTS.front_end, LAYOUT).push(frames).burst[-1], [20 - 10 / LAYOUT.electrodes, 20.0]
    )


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 399), max_size=12, unique=True).map(sorted))
def test_any_cut_gives_the_same_loudness(cuts: list[int]) -> None:
    frames = random_frames(400)
    meter = LoudnessMeter(FACTS.front_end, LAYOUT)
    expected = meter.push(frames)
    meter.reset()
    assert_same(joined([meter.push(part) for part in np.split(frames, cuts)]), expected)


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 399))
def test_a_meter_with_the_state_of_another_goes_on_as_it_would(at: int) -> None:
    frames = random_frames(400)
    meter, fresh = LoudnessMeter(FACTS.front_end, LAYOUT), LoudnessMeter(FACTS.front_end, LAYOUT)
    if at:
        meter.push(frames[:at])
        fresh.push(frames[::-1])
    state = meter.state
    expected = meter.push(frames[at:])
    fresh.state = state
    assert_same(fresh.push(frames[at:]), expected)


def test_evidence_and_loudness_are_the_same_numbers() -> None:
    loudness = LoudnessMeter(FACTS.front_end, LAYOUT).push(random_frames(30))
    rows = list(loudness.frames())
    assert len(rows) == 30
    assert rows[7].effort == loudness.effort[7].tolist()
    assert rows[7].steady is False
    assert_same(Loudness.from_frames(rows, LAYOUT.bands), loudness)
    assert Loudness.from_frames([], LAYOUT.bands).burst.shape == (0, LAYOUT.bands)


def test_levels_above_the_floor() -> None:
    assert loudest([5.0, 9.0], [1.0, 7.0]) == 4.0
    assert quietest([5.0, 9.0], [1.0, 7.0]) == 2.0


def test_the_floor_rises_only_with_steady_frames_and_with_doubtful_ones_after_ten_seconds() -> None:
    floor = Floor(FACTS.front_end, LAYOUT)
    floor.learn([5.0, 6.0], steady=False, doubtful=False)
    assert floor.lower([0.0, 0.0]) is None
    floor.learn([5.0, 6.0], steady=True, doubtful=False)
    assert floor.lower([9.0, 1.0]) == [5.0, 3.0]
    for _ in range(1250):
        floor.learn([25.0, 26.0], steady=True, doubtful=True)
    # One frame that is not steady breaks the stretch.
    floor.learn([25.0, 26.0], steady=False, doubtful=True)
    for _ in range(1250):
        floor.learn([25.0, 26.0], steady=True, doubtful=True)
    assert floor.levels == [5.0, 3.0]
    floor.learn([25.0, 26.0], steady=True, doubtful=True)
    assert floor.levels == [25.0, 26.0]


@pytest.mark.parametrize("doubtful_frames", [0, 700, 1250])
def test_a_floor_with_the_state_of_another_goes_on_as_it_would(doubtful_frames: int) -> None:
    floor, fresh = Floor(FACTS.front_end, LAYOUT), Floor(FACTS.front_end, LAYOUT)
    assert fresh.state == floor.state
    floor.learn([5.0, 6.0], steady=True, doubtful=False)
    for _ in range(doubtful_frames):
        floor.learn([25.0, 26.0], steady=True, doubtful=True)
    fresh.state = floor.state
    for _ in range(1251 - doubtful_frames):
        assert fresh.levels == [5.0, 6.0]
        fresh.learn([25.0, 26.0], steady=True, doubtful=True)
    assert fresh.levels == [25.0, 26.0]
    assert floor.levels == [5.0, 6.0]
