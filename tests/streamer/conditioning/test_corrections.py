"""Corrections of the signal: causal, independent of how the input is cut, and none where none is asked for."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import InputError
from messages.signal import F32, Chunk, Layout
from streamer.conditioning.corrections import (
    Conditioner,
    Corrections,
    Corrector,
    Identity,
    IdentityState,
    conditioner,
)

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
EVERYTHING = Corrections((3, -2), (False, True), (1.0, 2.5), high_pass_hz=40.0, notch_hz=50.0)


def chunk(seconds: float = 0.5, seed: int = 1, mean: float = 0.0) -> Chunk:
    count = round(seconds * LAYOUT.rate)
    samples = np.random.default_rng(seed).normal(mean, 10, (count, LAYOUT.bands, LAYOUT.electrodes))
    return Chunk(samples.astype(np.float32), np.arange(count) / LAYOUT.rate, LAYOUT)


def corrected(stage: Conditioner, whole: Chunk, cuts: Sequence[int]) -> F32:
    """Push a chunk in pieces; each is answered at once, with its own times."""
    outputs = []
    for samples, times in zip(np.split(whole.samples, cuts), np.split(whole.times, cuts), strict=True):
        output = stage.push(Chunk(samples, times, LAYOUT))
        assert np.array_equal(output.times, times)
        outputs.append(output.samples)
    return np.concatenate(outputs)


@pytest.mark.parametrize("corrections", [EVERYTHING, Corrections((1, 0)), Corrections(notch_hz=60.0)])
def test_the_cut_does_not_matter(corrections: Corrections) -> None:
    whole = chunk()
    stage = conditioner(corrections, LAYOUT)
    expected = corrected(stage, whole, [])
    rng = np.random.default_rng(3)
    for cuts in (sorted(rng.integers(0, len(whole.times), 20).tolist()), list(range(1, len(whole.times)))):
        stage.reset()
        assert np.array_equal(corrected(stage, whole, cuts), expected)
    assert expected.dtype == np.float32


@pytest.mark.parametrize(
    "corrections",
    [Corrections(), Corrections((0, 16), (False, False), (1.0, 1.0))],
)
def test_without_corrections_it_is_the_identity(corrections: Corrections) -> None:
    stage, samples = conditioner(corrections, LAYOUT), chunk()
    assert isinstance(stage, Identity)
    assert stage.push(samples) is samples


def test_bands_are_rolled_mirrored_and_amplified_each_by_itself() -> None:
    stage, before = conditioner(Corrections((3, 0), (False, True), (1.0, 2.0)), LAYOUT), chunk()
    after = stage.push(before).samples
    assert np.array_equal(after[:, 0], np.roll(before.samples[:, 0], 3, axis=1))
    assert np.array_equal(after[:, 1, 0], 2 * before.samples[:, 1, 0])
    assert np.array_equal(after[:, 1, 1:], 2 * before.samples[:, 1, :0:-1])


@settings(max_examples=20)
@given(at=st.integers(0, 1000), filtered=st.booleans())
def test_a_corrector_with_the_state_of_another_goes_on_as_it_would(at: int, filtered: bool) -> None:
    corrections, whole = EVERYTHING if filtered else Corrections((1, 0)), chunk()
    stage, fresh = Corrector(corrections, LAYOUT), Corrector(corrections, LAYOUT)
    first, second = (
        Chunk(samples, times, LAYOUT)
        for samples, times in zip(np.split(whole.samples, [at]), np.split(whole.times, [at]), strict=True)
    )
    stage.push(first)
    fresh.push(chunk(seed=2, mean=90.0))
    state = stage.state
    assert (state.filters is not None) == (filtered and at > 0)
    expected = stage.push(second).samples
    fresh.state = state
    assert np.array_equal(fresh.push(second).samples, expected)


def test_the_identity_has_nothing_to_remember() -> None:
    stage = Identity()
    stage.push(chunk())
    assert stage.state == IdentityState()
    stage.state = IdentityState()


def test_filters_take_out_their_frequencies_and_leave_the_others() -> None:
    count = 6000
    times = np.arange(count) / LAYOUT.rate

    def share(frequency: float, corrections: Corrections) -> float:
        wave = np.sin(2 * np.pi * frequency * times).astype(np.float32)
        samples = np.repeat(wave, LAYOUT.bands * LAYOUT.electrodes).reshape(count, LAYOUT.bands, LAYOUT.electrodes)
        out = conditioner(corrections, LAYOUT).push(Chunk(samples, times, LAYOUT)).samples
        return float(np.std(out[count // 2 :]) / np.std(samples))

    notch, high_pass = Corrections(notch_hz=50.0), Corrections(high_pass_hz=40.0)
    assert share(50.0, notch) < 0.01
    assert share(150.0, notch) < 0.01
    assert share(80.0, notch) > 0.98
    assert share(5.0, high_pass) < 0.01
    assert share(100.0, high_pass) > 0.98


def test_a_constant_before_the_first_sample_rings_in_no_filter() -> None:
    offset = chunk(mean=5000.0)
    out = conditioner(Corrections(high_pass_hz=20.0, notch_hz=50.0), LAYOUT).push(offset).samples
    assert np.abs(out).max() < 100


@pytest.mark.parametrize(
    ("corrections", "sentence"),
    [
        (Corrections(roll=(1,)), "conditioner.roll has 1 values, expected 2"),
        (Corrections(mirror=(True, True, False)), "conditioner.mirror has 3 values, expected 2"),
        (Corrections(gain=(1.0, 0.0)), "conditioner.gain = .* expected numbers above 0"),
        (Corrections(gain=(1.0, float("nan"))), "conditioner.gain = .* expected numbers above 0"),
        (Corrections(high_pass_hz=1500.0), "conditioner.high_pass_hz = 1500: expected 0 .none. or up to 900 Hz"),
        (Corrections(notch_hz=float("nan")), "conditioner.notch_hz = nan"),
        (Corrections(notch_hz=1.0), "conditioner.notch_hz = 1: expected the frequency of the mains, 50 or 60 Hz"),
    ],
)
def test_corrections_that_cannot_be_applied_are_refused(corrections: Corrections, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        conditioner(corrections, LAYOUT)
