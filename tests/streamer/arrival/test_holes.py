"""Short holes are filled with NaN, evenly in time; longer gaps stay."""

import numpy as np

from streamer.arrival._holes import HoleFiller
from tests.streamer.arrival.cutting import ways_to_cut

RATE = 2000.0


def test_any_cut_gives_the_same() -> None:
    rng = np.random.default_rng(1)
    times = np.flatnonzero(rng.random(1000) > 0.2) / RATE
    times[500:] += 1.0
    samples = rng.normal(size=(len(times), 3)).astype(np.float32)
    whole = HoleFiller(RATE, 1.5 / RATE, 0.2)
    expected = whole.push(samples, times)
    for cuts in ways_to_cut(len(times)):
        pieced = HoleFiller(RATE, 1.5 / RATE, 0.2)
        pieces = [pieced.push(*part) for part in zip(np.split(samples, cuts), np.split(times, cuts), strict=True)]
        for column in (0, 1):
            np.testing.assert_array_equal(np.concatenate([piece[column] for piece in pieces]), expected[column])
        assert pieced.filled == whole.filled > 100


def test_holes_are_filled_evenly_and_gaps_are_not() -> None:
    times = np.array([0.0, 1, 2, 6, 7, 500, 501]) / RATE
    filler = HoleFiller(RATE, 1.5 / RATE, 0.2)
    samples, filled = filler.push(np.arange(7, dtype=np.float32)[:, None], times)
    np.testing.assert_allclose(filled * RATE, [0, 1, 2, 3, 4, 5, 6, 7, 500, 501])
    np.testing.assert_array_equal(np.isnan(samples[:, 0]), [0, 0, 0, 1, 1, 1, 0, 0, 0, 0])
    assert filler.filled == 3


def test_times_that_step_back_are_no_hole_and_after_a_reset_nothing_is_missing() -> None:
    filler = HoleFiller(RATE, 1.5 / RATE, 0.2)
    one = np.zeros((1, 1), np.float32)
    filler.push(one, np.array([5.0]))
    assert len(filler.push(one, np.array([4.0]))[1]) == 1
    filler.reset()
    assert len(filler.push(one, np.array([4.1]))[1]) == 1
    assert len(filler.push(one, np.array([4.1 + 3 / RATE]))[1]) == 3
