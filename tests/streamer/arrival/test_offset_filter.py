"""The Kalman filter of offset and rate alone: against the textbook's matrices, and on clocks that drift."""

import numpy as np
import pytest

from streamer.arrival._offset_filter import ERROR_INFLATION, OUTLIER, RATE_PRIOR, OffsetFilter

BLOCK_S = 0.016


def test_predict_and_correct_are_the_matrices_of_the_textbook() -> None:
    made = OffsetFilter(offset_variance=4e-4)
    covariance = np.diag([4e-4, RATE_PRIOR**2])
    state = np.zeros(2)
    transition, seen = np.array([[1.0, BLOCK_S], [0.0, 1.0]]), np.array([1.0, 0.0])
    noise, variance = BLOCK_S * np.diag([2e-5**2, 3e-7**2]), 1e-4
    for residual in np.random.default_rng(0).normal(0, 0.01, 50):
        made.predict(BLOCK_S)
        covariance = transition @ covariance @ transition.T + noise
        gain = covariance @ seen / (seen @ covariance @ seen + variance)
        correction = made.correct(float(residual), variance)
        state = state + gain * residual
        covariance = covariance - np.outer(gain, seen @ covariance)
        assert correction == pytest.approx(gain[0] * residual, rel=1e-9)
        assert made.drift == pytest.approx(state[1], rel=1e-9)
        expected = [[made.offset_variance, made.covariance], [made.covariance, made.drift_variance]]
        np.testing.assert_allclose(covariance, expected, rtol=1e-9)


@pytest.mark.parametrize("drift", [5e-5, -2e-4, 1e-3])
def test_the_rate_of_a_drifting_clock_is_found_within_the_stated_error(drift: float) -> None:
    made, rng = OffsetFilter(offset_variance=1e-4), np.random.default_rng(1)
    estimate = 0.0
    for block in range(1, 3001):
        made.predict(BLOCK_S)
        estimate += made.drift * BLOCK_S
        estimate += made.correct(drift * BLOCK_S * block + rng.normal(0, 2e-3) - estimate, 2e-3**2)
    assert abs(made.drift - drift) < 4 * made.drift_error
    assert made.drift_error < 1e-5


def test_an_outlier_moves_the_clock_like_one_at_three_standard_deviations() -> None:
    near, far = OffsetFilter(offset_variance=1e-6), OffsetFilter(offset_variance=1e-6)
    limit = OUTLIER * np.sqrt(1e-6 + 1e-6)
    assert far.correct(1.0, 1e-6) == pytest.approx(near.correct(limit, 1e-6))
    made = OffsetFilter(offset_variance=1e-6)
    assert not made.is_outlier(0.99 * limit, 1e-6)
    assert made.is_outlier(-1.01 * limit, 1e-6)


def test_a_restart_keeps_the_rate_and_forgetting_the_rate_shows_in_its_error() -> None:
    made = OffsetFilter(offset_variance=1e-4)
    for _ in range(100):
        made.predict(BLOCK_S)
        made.correct(1e-3, 1e-4)
    drift, error = made.drift, made.drift_error
    made.restart(9e-4)
    assert (made.drift, made.drift_error, made.offset_variance, made.covariance) == (drift, error, 9e-4, 0.0)
    made.forget_rate()
    assert made.drift_error == ERROR_INFLATION * RATE_PRIOR > error
