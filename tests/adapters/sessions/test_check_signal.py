import numpy as np
import pytest

from adapters.sessions._check_signal import FLAT, RATE, SampleCheck, StampCheck

STAMPS = 100.0 + np.arange(6 * FLAT) / RATE


def stamp_findings(times: np.ndarray, piece: int) -> dict[str, str]:
    check = StampCheck()
    for first in range(0, len(times), piece):
        check.add(times[first : first + piece])
    return {finding.check: finding.message for finding in check.findings()}


def sample_findings(samples: np.ndarray) -> dict[str, str]:
    check = SampleCheck()
    for first in range(0, len(samples), FLAT):
        check.add(samples[first : first + FLAT])
    return {finding.check: finding.message for finding in check.findings()}


def samples() -> np.ndarray:
    """(T, bands, electrodes) of a live signal, in µV."""
    return np.random.default_rng(1).normal(0, 12, (6 * FLAT, 2, 16)).astype(np.float32)


@pytest.mark.parametrize("piece", [1, 997, FLAT, 10 * FLAT])
def test_sound_stamps_give_no_finding_however_they_are_cut(piece: int) -> None:
    assert stamp_findings(STAMPS, piece) == {}


@pytest.mark.parametrize("piece", [500, 997, 10 * FLAT])
def test_each_irregularity_of_stamps_is_found_however_they_are_cut(piece: int) -> None:
    times = STAMPS.copy()
    times[500] = np.nan
    times[1000:] += 3.0 - 1 / RATE
    times[2000] = times[1999]
    times[4000] -= 1.0
    found = stamp_findings(times, piece)
    assert {*found} == {"stamps-not-finite", "stamps-fall", "stamps-repeat", "drift", "gap"}
    assert found["stamps-not-finite"].endswith("at 500")
    assert found["stamps-fall"] == "time stamps run backwards 1 times, at 4000"
    assert "the longest 3.000 s before 103.4" in found["gap"]


@pytest.mark.parametrize("batch", [1, 20])
def test_the_rate_is_that_of_the_stamps_and_lost_data_does_not_touch_it(batch: int) -> None:
    check = StampCheck()
    assert check.rate == 0
    times = np.arange(40_000) // batch * batch / 1000
    times[20_000:] += 60
    check.add(times)
    assert check.rate == pytest.approx(1000)


def test_a_live_signal_gives_no_finding() -> None:
    assert sample_findings(samples()) == {}


def test_dead_flat_clipped_and_shifted_electrodes_are_named() -> None:
    signal = samples()
    signal[:, 0, 3] = 1.5
    signal[FLAT : 2 * FLAT, 1, 4] = 0.0
    signal[:, 0, 5] = np.clip(signal[:, 0, 5], -5, 5)
    signal[:, 1, 6] += 100.0
    signal[7, 1, 7] = np.inf
    found = sample_findings(signal)
    assert {check: found[check] for check in ("dead-electrode", "flat", "saturated", "not-high-passed")} == {
        "dead-electrode": "constant all the time: left 3",
        "flat": "constant for whole seconds: right 4 (1 s)",
        "saturated": "clipped at their extremes: left 5",
        "not-high-passed": "the mean is beyond the rms, though 40 Hz are high-passed: right 6",
    }
    assert found["samples-not-finite"] == "1 samples are NaN or infinite, first 7: right 7 (1)"


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "mV"), (1e-6, "V")])
def test_another_unit_is_guessed(factor: float, unit: str) -> None:
    assert f"it seems to be in {unit}, expected µV" in sample_findings(samples() * np.float32(factor))["unit"]


def test_a_constant_signal_is_one_finding() -> None:
    assert {*sample_findings(np.zeros((6 * FLAT, 2, 16), np.float32))} == {"no-signal"}
