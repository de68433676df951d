"""The jitter of residuals: noise is measured, losses and drift do not pass for it."""

import numpy as np
import pytest

from streamer.arrival._jitter import Jitter


def measured(residuals: list[float]) -> Jitter:
    """Return the estimate after these residuals, of a clock that is never corrected."""
    jitter = Jitter()
    for residual in residuals:
        jitter.update(residual)
        jitter.previous = residual
    return jitter


@pytest.mark.parametrize("deviation", [5e-4, 5e-3, 0.03])
def test_the_standard_deviation_of_noise_is_found(deviation: float) -> None:
    estimates = [
        measured(np.random.default_rng(seed).normal(0, deviation, 64).tolist()).deviation for seed in range(40)
    ]
    assert np.median(estimates) == pytest.approx(deviation, rel=0.1)


def test_until_a_quarter_of_the_blocks_is_there_the_jitter_is_assumed() -> None:
    assert measured([0.0] * 16).deviation == 0.02
    assert measured([0.0] * 17).deviation == 1e-4


def test_losses_and_a_slow_clock_step_forward_only_and_do_not_count() -> None:
    noise = np.random.default_rng(2).normal(0, 1e-3, 64)
    plain = measured(noise.tolist()).deviation
    lost = measured((noise + np.cumsum(np.arange(64) % 3 == 0) * 0.016).tolist()).deviation
    slow = measured((noise + 1e-3 * np.arange(64)).tolist()).deviation
    assert lost <= plain
    assert slow <= plain


def test_the_largest_jitter_fades_but_is_remembered() -> None:
    rng = np.random.default_rng(3)
    jitter = measured(rng.normal(0, 0.03, 64).tolist())
    largest = jitter.largest
    for residual in rng.normal(0, 1e-3, 100):
        jitter.update(float(residual))
        jitter.previous = float(residual)
    assert jitter.deviation < 2e-3
    assert 0.5 * largest < jitter.largest < largest
