"""Corrections of the signal: in their places, causal, no cut of the input shows, nothing where none is asked."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.errors import InputError
from messages.signal import Chunk, Layout
from streamer.conditioning.corrections import Conditioner, Corrections, Identity, conditioner
from streamer.conditioning.placement import Placement

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
EVERYTHING = Corrections((3, -2), (False, True), (1.0, 2.5), high_pass_hz=40.0, notch_hz=50.0)
places = st.builds(Placement, st.integers(-40, 40), st.booleans())


def chunk(seconds: float = 0.5, seed: int = 1, mean: float = 0.0) -> Chunk:
    count = round(seconds * LAYOUT.rate)
    samples = np.random.default_rng(seed).normal(mean, 10, (count, LAYOUT.bands, LAYOUT.electrodes))
    return Chunk(samples.astype(np.float32), np.arange(count) / LAYOUT.rate, LAYOUT)


def pushed(stage: Conditioner, given_chunk: Chunk, cuts: Sequence[int]) -> np.ndarray:
    ends = [*cuts, len(given_chunk.times)]
    out, start = [], 0
    for end in ends:
        part = Chunk(given_chunk.samples[start:end], given_chunk.times[start:end], LAYOUT)
        done = stage.push(part)
        assert np.array_equal(done.times, part.times)
        out.append(done.samples)
        start = end
    return np.concatenate(out)


@pytest.mark.parametrize("corrections", [EVERYTHING, Corrections((1, 0)), Corrections(notch_hz=60.0)])
def test_the_cut_does_not_matter(corrections: Corrections) -> None:
    whole = chunk()
    stage = conditioner(corrections, LAYOUT)
    expected = pushed(stage, whole, [])
    rng = np.random.default_rng(3)
    for cuts in (sorted(rng.integers(0, len(whole.times), 20).tolist()), list(range(1, len(whole.times)))):
        stage.reset()
        assert np.array_equal(pushed(stage, whole, cuts), expected)
    assert expected.dtype == np.float32


@pytest.mark.parametrize(
    "corrections",
    [Corrections(), Corrections((0, 16), (False, False), (1.0, 1.0))],
)
def test_nothing_asked_for_is_the_identity(corrections: Corrections) -> None:
    stage, given_chunk = conditioner(corrections, LAYOUT), chunk()
    assert isinstance(stage, Identity)
    assert stage.push(given_chunk) is given_chunk


def test_bands_are_rolled_mirrored_and_amplified_each_by_itself() -> None:
    stage, given_chunk = conditioner(Corrections((3, 0), (False, True), (1.0, 2.0)), LAYOUT), chunk()
    out = stage.push(given_chunk).samples
    assert np.array_equal(out[:, 0], np.roll(given_chunk.samples[:, 0], 3, axis=1))
    assert np.array_equal(out[:, 1, 0], 2 * given_chunk.samples[:, 1, 0])
    assert np.array_equal(out[:, 1, 1:], 2 * given_chunk.samples[:, 1, :0:-1])


def test_filters_take_out_what_they_say_and_leave_the_rest() -> None:
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


@given(place=places, then=places)
def test_one_placement_after_another_is_one(place: Placement, then: Placement) -> None:
    ring = np.arange(16)
    assert np.array_equal(ring[place.order(16)][then.order(16)], ring[place.then(then, 16).order(16)])


@pytest.mark.parametrize(
    ("corrections", "sentence"),
    [
        (Corrections(roll=(1,)), "conditioner.roll has 1 values, expected 2"),
        (Corrections(mirror=(True, True, False)), "conditioner.mirror has 3 values, expected 2"),
        (Corrections(gain=(1.0, 0.0)), "conditioner.gain = .* expected numbers above 0"),
        (Corrections(gain=(1.0, float("nan"))), "conditioner.gain = .* expected numbers above 0"),
        (Corrections(high_pass_hz=1500.0), "conditioner.high_pass_hz = 1500: expected 0 .none. or up to 900 Hz"),
        (Corrections(notch_hz=float("nan")), "conditioner.notch_hz = nan"),
        (Corrections(notch_hz=1.0), "conditioner.notch_hz = 1: expected the mains', 50 or 60 Hz"),
    ],
)
def test_what_cannot_be_applied_is_told(corrections: Corrections, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        conditioner(corrections, LAYOUT)
