"""One second of the signal, measured: on sines and noise whose figures are known."""

import numpy as np
import pytest

from messages.signal import F32, F64, Layout
from streamer.quality._second import SecondMeter

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
SHAPE = (LAYOUT.bands, LAYOUT.electrodes)
TIMES: F64 = np.arange(2000) / 2000


def noise(seed: int = 0) -> F32:
    return np.random.default_rng(seed).normal(0, 10, (2000, *SHAPE)).astype(np.float32)


def sine(frequency: float, amplitude: float, phase: float = 0.0) -> F32:
    wave = amplitude * np.sin(2 * np.pi * frequency * TIMES + phase)
    return np.broadcast_to(wave[:, None, None], (2000, *SHAPE)).astype(np.float32)


def test_a_sine_has_its_power_in_the_band_that_it_lies_in() -> None:
    meter = SecondMeter(LAYOUT)
    muscles, crackle = meter.measure(sine(200.0, 4.0), TIMES), meter.measure(sine(600.0, 4.0), TIMES)
    np.testing.assert_allclose(muscles.power, 8.0, rtol=1e-3)
    assert muscles.crackle.max() < 1e-3
    np.testing.assert_allclose(crackle.crackle, 8.0, rtol=1e-3)
    assert crackle.power.max() < 1e-3


@pytest.mark.parametrize(("frequency", "mains", "harmonic"), [(50.0, 0, 0), (150.0, 0, 2), (60.0, 1, 0), (240.0, 1, 3)])
def test_hum_is_in_the_line_of_its_mains_and_not_beside_it(frequency: float, mains: int, harmonic: int) -> None:
    second = SecondMeter(LAYOUT).measure(noise() + sine(frequency, 20.0), TIMES)
    assert second.lines.shape == second.beside.shape == (2, 5, *SHAPE)
    line, beside = second.lines[mains, harmonic], second.beside[mains, harmonic]
    np.testing.assert_allclose(line, 200.0, rtol=0.2)
    assert beside.max() < 5
    # White noise of 100 µV² over 1000 Hz: 0.3 µV² in the 3 Hz of another line.
    assert np.median(second.lines[mains, 4]) < 2


def test_rate_comes_from_the_stamps() -> None:
    meter = SecondMeter(LAYOUT)
    assert meter.measure(noise(), TIMES * 1.1).rate == pytest.approx(2000 / 1.1)
    assert np.isnan(meter.measure(noise(), np.zeros(2000)).rate)


def test_the_least_step_is_that_of_one_electrode_of_each_band_in_turn() -> None:
    samples = np.round(noise() / 5) * 5
    samples[:, 1, 1] = np.round(samples[:, 1, 1] / 2.5) * 2.5 + (np.arange(2000) % 2) * 2.5
    meter = SecondMeter(LAYOUT)
    steps = [meter.measure(samples.astype(np.float32), TIMES).step for _ in range(6)]
    assert steps == [5.0, 2.5, 5.0, 5.0, 5.0, 2.5]
    meter.reset()
    assert [meter.measure(samples.astype(np.float32), TIMES).step for _ in range(2)] == [5.0, 2.5]
    assert meter.measure(np.zeros((2000, *SHAPE), np.float32), TIMES).step == np.inf


def test_values_that_are_not_numbers_are_bad_unless_the_whole_band_is_missing() -> None:
    samples = noise()
    samples[100, 0, 2] = np.nan
    samples[200:300, 1] = np.nan
    second = SecondMeter(LAYOUT).measure(samples, TIMES)
    assert np.argwhere(second.bad).tolist() == [[0, 2]]
    assert np.isfinite(second.power).all()
    assert np.isfinite(second.together).all()


def test_flat_and_clipped_electrodes() -> None:
    samples = noise()
    samples[:, 0, 1] = 3.0
    samples[:, 1, 3] = np.clip(samples[:, 1, 3], -8, 8)
    # Two values alone are a converter at its extremes when all is well.
    samples[:, 1, 0] = np.sign(samples[:, 1, 0])
    second = SecondMeter(LAYOUT).measure(samples, TIMES)
    assert np.argwhere(second.flat).tolist() == [[0, 1]]
    assert np.argwhere(second.clipped).tolist() == [[1, 3]]
    at_top, at_bottom = samples[:, 1, 3] == 8, samples[:, 1, 3] == -8
    expected = sum(int((at[2:] & at[1:-1] & at[:-2]).sum()) for at in (at_top, at_bottom))
    assert second.clipped[1, 3] == expected > 0


def test_patterns_are_high_between_electrodes_that_share_a_muscle() -> None:
    samples = noise(1)
    muscle = np.random.default_rng(2).normal(0, 30, 2000).astype(np.float32)
    muscle *= np.repeat(np.random.default_rng(3).uniform(0.2, 2.0, 50), 40).astype(np.float32)
    samples[:, 0, 0] += muscle
    samples[:, 0, 1] += muscle
    second = SecondMeter(LAYOUT).measure(samples, TIMES)
    for pattern in (second.together, second.coactive):
        assert pattern.shape == (*SHAPE, LAYOUT.electrodes)
        np.testing.assert_allclose(pattern, pattern.transpose(0, 2, 1), atol=1e-9)
        others = [abs(pattern[0, 0, 2]), abs(pattern[0, 2, 3]), abs(pattern[1, 0, 1])]
        assert pattern[0, 0, 1] > 3 * max(others)
    np.testing.assert_allclose(np.einsum("bee->be", second.together), 1.0)
