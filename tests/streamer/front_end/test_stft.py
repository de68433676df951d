from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import F32, F64, Chunk, Frames, Layout
from streamer.front_end.choice import open_front_end
from streamer.front_end.stft import Spectrogram

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)


def recording(samples: int, seed: int = 0) -> Chunk:
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, 12, (samples, 2, 16)).astype(np.float32)
    signal[:, 1, 3] = 0  # a dead electrode: at the floor
    return Chunk(signal, 100 + np.arange(samples) / 2000, LAYOUT)


def with_holes(chunk: Chunk) -> Chunk:
    samples = chunk.samples.copy()
    samples[100:140, 0, 2] = np.nan
    samples[200:205] = np.inf
    return Chunk(samples, chunk.times, LAYOUT)


def split(chunk: Chunk, cuts: list[int]) -> list[Chunk]:
    pieces = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, chunk.layout) for samples, times in pieces]


def pushed(spectrogram: Spectrogram, chunks: list[Chunk]) -> list[npt.NDArray[np.generic]]:
    pieces: list[Frames] = [spectrogram.push(chunk) for chunk in chunks]
    return [np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("values", "times", "missing")]


def reference(samples: F32) -> F64:
    """Frame by frame, bin by bin: the definition."""
    n = np.arange(64)
    hann = np.sin(np.pi * n / 64) ** 2
    frames = []
    for start in range(0, len(samples) - 63, 16):
        windowed = samples[start : start + 64].astype(np.float64) * hann[:, None, None]
        spectrum = np.tensordot(windowed, np.exp(-2j * np.pi * np.outer(n, np.arange(33)) / 64), axes=(0, 0))
        frames.append(np.log10(np.abs(spectrum) ** 2 / 24 + 1e-6))
    return np.array(frames)


def test_equals_the_definition() -> None:
    chunk = recording(400)
    frames = Spectrogram(StftFacts(), LAYOUT).push(chunk)
    assert frames.values.dtype == np.float32
    assert frames.values.shape == ((400 - 64) // 16 + 1, 2, 16, 33)
    np.testing.assert_allclose(frames.values, reference(chunk.samples), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(frames.times, chunk.times[63::16])
    np.testing.assert_allclose(frames.values[:, 1, 3], -6, atol=1e-6)
    assert not frames.missing.any()


def test_white_noise_has_the_power_of_its_variance() -> None:
    layout = Layout(2000.0, "uV", ("left",), 1)
    samples = np.random.default_rng(1).normal(0, 3, (20_000, 1, 1)).astype(np.float32)
    frames = Spectrogram(StftFacts(), layout).push(Chunk(samples, np.zeros(20_000), layout))
    power = 10.0 ** frames.values.astype(np.float64)
    assert power[..., 4:-4].mean() == pytest.approx(9, rel=0.05)


@pytest.mark.parametrize("chunk", [recording(300), with_holes(recording(300))], ids=["complete", "with holes"])
@given(cuts=st.lists(st.integers(0, 300), max_size=12).map(sorted))
def test_any_cut_gives_the_same_bits(chunk: Chunk, cuts: list[int]) -> None:
    whole = pushed(Spectrogram(StftFacts(), LAYOUT), [chunk])
    for part, expected in zip(pushed(Spectrogram(StftFacts(), LAYOUT), split(chunk, cuts)), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_one_by_one_and_after_reset() -> None:
    chunk = recording(300)
    spectrogram = Spectrogram(StftFacts(), LAYOUT)
    whole = pushed(spectrogram, [chunk])
    spectrogram.reset()
    for part, expected in zip(pushed(spectrogram, split(chunk, list(range(1, 300)))), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


@given(cut=st.integers(0, 300))
def test_another_one_goes_on_from_its_state(cut: int) -> None:
    first, second = split(with_holes(recording(300)), [cut])
    one, other = Spectrogram(StftFacts(), LAYOUT), Spectrogram(StftFacts(), LAYOUT)
    one.push(first)
    other.push(recording(77))
    other.state = one.state
    for part, expected in zip(pushed(other, [second]), pushed(one, [second]), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_a_band_misses_a_frame_of_which_more_than_an_eighth_is_missing() -> None:
    chunk = with_holes(recording(300))
    frames = Spectrogram(StftFacts(), LAYOUT).push(chunk)
    ends = 64 + 16 * np.arange(len(frames.times))
    overlap = np.minimum(ends, 140) - np.maximum(ends - 64, 100)
    np.testing.assert_array_equal(frames.missing[:, 0], overlap > 8)
    # Five samples are missing in both bands: too few to matter.
    assert not frames.missing[:, 1].any()
    zeroed = chunk.samples.copy()
    zeroed[100:140, 0] = 0
    zeroed[200:205] = 0
    np.testing.assert_allclose(frames.values, reference(zeroed), rtol=0, atol=2e-6)
    masked = frames.masked()
    assert not masked[frames.missing].any()
    np.testing.assert_array_equal(masked[~frames.missing], frames.values[~frames.missing])


def test_finish_gives_nothing_and_forgets() -> None:
    spectrogram = open_front_end(StftFacts(), LAYOUT)
    spectrogram.push(recording(100))
    assert spectrogram.finish().values.shape == (0, 2, 16, 33)
    assert not len(spectrogram.push(recording(63)).times)


def test_other_constants() -> None:
    facts, layout = StftFacts(window=32, hop=32, floor=1.0), Layout(2000.0, "uV", ("left",), 3)
    frames = Spectrogram(facts, layout).push(Chunk(np.zeros((100, 1, 3), np.float32), np.arange(100.0), layout))
    assert frames.values.shape == (facts.frames(100), 1, 3, 17)
    assert frames.times.tolist() == [31, 63, 95]
    assert not frames.values.any()


@given(frames=st.integers(1, 500))
def test_samples_and_frames_are_inverse(frames: int) -> None:
    constants = StftFacts()
    assert constants.frames(constants.samples(frames)) == frames
    assert constants.frames(constants.samples(frames) - 1) == frames - 1


@pytest.mark.parametrize("values", [{"window": 63}, {"hop": 0}, {"hop": 65}, {"floor": 0.0}])
def test_impossible_constants_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="correct the model's constants"):
        StftFacts(**values)
