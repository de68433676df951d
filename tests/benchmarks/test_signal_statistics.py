"""The measures are tried on signals whose figures are known by construction."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from benchmarks.signal_statistics import (
    QUANTUM,
    Presses,
    amplitudes,
    bursts,
    correlations,
    densities,
    levels,
    log_power,
    near,
    step_visible,
)
from messages.signal import F32

RATE = 2000.0
SHAPE = 2, 16


def white(seconds: float, sigma: float = 1.0, seed: int = 0) -> F32:
    samples = np.random.default_rng(seed).normal(0, sigma, (round(seconds * RATE), *SHAPE))
    return samples.astype(np.float32)


def presses(*times: float, band: int = 0, held: float = 0.1) -> Presses:
    start = np.array(times)
    return Presses(start, start + held, np.full(len(times), band))


def test_near_is_the_time_around_held_keys() -> None:
    inside = near(presses(1.0, 1.1), 4000, RATE, 0.25)
    assert np.flatnonzero(inside)[[0, -1]].tolist() == [1500, 2900]
    assert inside[1500:2901].all()


def test_near_ends_with_the_samples() -> None:
    assert near(presses(0.1, 1.9), 4000, RATE, 0.5)[[0, -1]].all()


def test_levels_are_rms_and_a_lost_contact_is_no_rest() -> None:
    rest = white(2.0, 2.0)
    rest[:100] *= 200
    figures = levels(white(4.0, 12.0), rest, RATE)
    assert figures["level"] == pytest.approx(12, rel=0.02)
    assert figures["rest"] == pytest.approx(2, rel=0.03)


def test_burst_and_its_peak_are_measured_on_the_hand_that_strikes() -> None:
    t = np.arange(round(8 * RATE)) / RATE
    at = np.arange(1.0, 7.0)
    width = 0.030
    envelope = sum(np.exp(-0.5 * ((t - (a - 0.04)) / width) ** 2) for a in at)
    samples = white(8.0, 0.5)
    samples[:, 1] += (40 * np.sin(2 * np.pi * 317 * t) * envelope)[:, None].astype(np.float32)
    figures = bursts(samples, RATE, presses(*at, band=1))
    # Half of a Gaussian's peak: ±1.177 widths; the smoothing window widens the envelope's square.
    expected = 2 * 1.177 * np.sqrt(2 * 0.012**2 + 2 * width**2 / 2) * 1000
    assert figures["burst"] == pytest.approx(expected, rel=0.15)
    assert figures["peak_lead"] == pytest.approx(40, abs=4)
    assert figures["burst_lead"] == pytest.approx(40 + expected / 2, rel=0.1)
    peaks = amplitudes(samples, RATE, presses(*at, band=1))
    assert peaks["peak_median"] == pytest.approx(40, rel=0.1)
    assert amplitudes(samples, RATE, presses(*at, band=0))["peak_strongest"] < 5


def test_presses_in_quick_succession_have_no_burst_of_their_own() -> None:
    assert np.isnan(bursts(white(3.0), RATE, presses(*np.arange(0.5, 2.5, 0.1)))["burst"])


def test_white_noise_has_a_flat_density_without_mains() -> None:
    samples = white(20.0, 3.0)
    t = np.arange(len(samples)) / RATE
    samples += (50 * np.sin(2 * np.pi * 60 * t)).astype(np.float32)[:, None, None]
    figures = densities(samples, RATE)
    for name in ("density_8", "density_50-100", "density_200", "density_400", "density_650"):
        assert figures[name] == pytest.approx(9 / (RATE / 2), rel=0.2)
    assert figures["floor_slope"] == pytest.approx(1, rel=0.05)


def test_correlations_follow_the_ring() -> None:
    own, common = white(5.0, seed=1), white(5.0, seed=2)
    neighbours = own + np.roll(own, 1, axis=2)  # electrodes 15 and 0 are neighbours too
    figures = correlations(neighbours)
    assert figures["corr_neighbours"] == pytest.approx(0.5, abs=0.05)
    assert figures["corr_quarter"] == pytest.approx(0, abs=0.03)
    assert figures["corr_wrists"] < 0.07
    assert correlations(own + common[:, :1, :1])["corr_wrists"] > 0.4


def test_log_power_of_white_noise_is_that_of_an_exponential() -> None:
    figures = log_power(white(10.0, 2.0), RATE)
    assert figures["bins_1_2_low"] == pytest.approx(np.log10(4 * -np.log(0.99)), abs=0.1)
    assert figures["bins_1_2_high"] == pytest.approx(np.log10(4 * -np.log(0.01)), abs=0.05)
    assert figures["bin_0_low"] < figures["bins_1_2_low"]  # one degree of freedom


def test_the_converters_steps_show_behind_the_high_pass() -> None:
    raw = white(6.0, 1.5).astype(np.float64) + np.cumsum(white(6.0, 0.2, seed=3), axis=0)
    high_pass = butter(4, 40, "highpass", fs=RATE, output="sos")
    plain = sosfilt(high_pass, raw, axis=0).astype(np.float32)
    stepped = sosfilt(high_pass, QUANTUM * np.round(raw / QUANTUM), axis=0).astype(np.float32)
    assert step_visible(stepped, RATE) > 1.2 * step_visible(plain, RATE)
    assert np.isnan(step_visible(plain[:100], RATE))
