import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.errors import InputError
from messages.model_facts import StftFacts
from streamer.front_end.stft import Spectrogram

Frames = tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]


def recording(samples: int, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, 12, (samples, 2, 16)).astype(np.float32)
    signal[:, 1, 3] = 0  # a dead electrode: at the floor
    return signal, 100 + np.arange(samples) / 2000


def pushed(
    spectrogram: Spectrogram, samples: npt.NDArray[np.float32], times: npt.NDArray[np.float64], cuts: list[int]
) -> Frames:
    pieces = [spectrogram.push(*piece) for piece in zip(np.split(samples, cuts), np.split(times, cuts), strict=True)]
    return np.concatenate([frames for frames, _ in pieces]), np.concatenate([stamps for _, stamps in pieces])


def reference(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
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
    samples, times = recording(400)
    frames, stamps = Spectrogram(StftFacts()).push(samples, times)
    assert frames.dtype == np.float32
    assert frames.shape == ((400 - 64) // 16 + 1, 2, 16, 33)
    np.testing.assert_allclose(frames, reference(samples), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(stamps, times[63::16])
    np.testing.assert_allclose(frames[:, 1, 3], -6, atol=1e-6)


def test_white_noise_has_the_power_of_its_variance() -> None:
    samples = np.random.default_rng(1).normal(0, 3, (20_000, 1, 1)).astype(np.float32)
    frames, _ = Spectrogram(StftFacts()).push(samples, np.zeros(20_000))
    power = 10.0 ** frames.astype(np.float64)
    assert power[..., 4:-4].mean() == pytest.approx(9, rel=0.05)


@given(cuts=st.lists(st.integers(0, 300), max_size=12).map(sorted))
def test_any_cut_gives_the_same_bits(cuts: list[int]) -> None:
    samples, times = recording(300)
    whole = Spectrogram(StftFacts()).push(samples, times)
    for found, expected in zip(pushed(Spectrogram(StftFacts()), samples, times, cuts), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_by_one_and_after_reset() -> None:
    samples, times = recording(300)
    spectrogram = Spectrogram(StftFacts())
    whole = spectrogram.push(samples, times)
    spectrogram.reset()
    for found, expected in zip(pushed(spectrogram, samples, times, list(range(1, 300))), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_other_constants() -> None:
    constants = StftFacts(window=32, hop=32, floor=1.0)
    frames, stamps = Spectrogram(constants).push(np.zeros((100, 1, 3), np.float32), np.arange(100.0))
    assert frames.shape == (constants.frames(100), 1, 3, 17)
    assert stamps.tolist() == [31, 63, 95]
    assert not frames.any()


@given(frames=st.integers(1, 500))
def test_samples_and_frames_are_inverse(frames: int) -> None:
    constants = StftFacts()
    assert constants.frames(constants.samples(frames)) == frames
    assert constants.frames(constants.samples(frames) - 1) == frames - 1


@pytest.mark.parametrize("values", [{"window": 63}, {"hop": 0}, {"hop": 65}, {"floor": 0.0}])
def test_impossible_constants_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(InputError, match="correct the model's constants"):
        StftFacts(**values)
