"""Samples of another rate on an even grid: tones stay tones, and no cut shows."""

from copy import deepcopy

import numpy as np
import pytest

from messages.signal import F32, F64
from streamer.arrival.resampler import Resampler
from tests.streamer.arrival.cutting import ways_to_cut

RATE = 2000.0


def signal() -> tuple[F32, F64]:
    """Noise at 2010 Hz with a gap of 0.3 s."""
    times = 5 + np.arange(900) / 2010.0
    times[400:] += 0.3
    return np.random.default_rng(0).normal(size=(900, 3)).astype(np.float32), times


def test_any_cut_gives_the_same() -> None:
    samples, times = signal()
    expected = Resampler(RATE).push(samples, times)
    for cuts in ways_to_cut(len(times)):
        pieced = Resampler(RATE)
        pieces = [pieced.push(*part) for part in zip(np.split(samples, cuts), np.split(times, cuts), strict=True)]
        for column in (0, 1):
            np.testing.assert_array_equal(np.concatenate([piece[column] for piece in pieces]), expected[column])


@pytest.mark.parametrize("at", [5, 350, 404])
def test_a_state_put_into_another_resampler_goes_on_alike(at: int) -> None:
    samples, times = signal()
    one, other = Resampler(RATE), Resampler(RATE)
    one.push(samples[:at], times[:at])
    other.state = deepcopy(one.state)
    rest = [resampler.push(samples[at:], times[at:]) for resampler in (one, other)]
    np.testing.assert_array_equal(rest[1][0], rest[0][0])
    np.testing.assert_array_equal(rest[1][1], rest[0][1])


def tone(times: F64, frequency: float) -> F32:
    return np.sin(2 * np.pi * frequency * times)[:, None].astype(np.float32)


@pytest.mark.parametrize("frequency", [20.0, 200.0, 700.0])
def test_resampled_tones_are_the_tones_at_the_new_times(frequency: float) -> None:
    times = 5 + np.arange(4000) / 1960.0
    samples, points = Resampler(RATE).push(tone(times, frequency), times)
    np.testing.assert_allclose(np.diff(points), 1 / RATE, rtol=0, atol=1e-9)
    assert points[-1] == pytest.approx(times[-1], abs=9 / 1960)
    error = samples - tone(points, frequency)
    assert np.sqrt(np.mean(error**2)) < 0.004 * np.sqrt(0.5)  # -48 dB


def test_behind_a_gap_the_grid_begins_anew() -> None:
    samples, times = signal()
    _, points = Resampler(RATE).push(samples, times)
    (gap,) = np.flatnonzero(np.diff(points) > 1.5 / RATE)
    assert points[gap] <= times[399] - 8 / 2010
    assert points[gap + 1] == times[407]
