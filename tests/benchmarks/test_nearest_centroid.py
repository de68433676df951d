"""The trivial decoders find keys that can be told apart, and no others."""

import numpy as np
import pytest

from benchmarks.nearest_centroid import GUESSERS, linear_discriminant, nearest_centroid, power_features
from benchmarks.signal_statistics import BURST


@pytest.mark.parametrize("name", GUESSERS)
def test_keys_far_apart_are_told_apart(name: str) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, 6, 300)
    features = labels[:, None] * np.array([1.0, -2.0, 0.0]) + rng.normal(0, 0.2, (300, 3))
    guessed = GUESSERS[name](features[:200], labels[:200], features[200:])
    assert np.mean(guessed != labels[200:]) < 0.05


@pytest.mark.parametrize("name", GUESSERS)
def test_noise_tells_nothing(name: str) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 800)
    features = rng.normal(0, 1, (800, 5))
    assert np.mean(GUESSERS[name](features[:400], labels[:400], features[400:]) != labels[400:]) > 0.6


def test_the_discriminant_sees_through_what_the_features_share() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 600)
    common = rng.normal(0, 2, (600, 1))  # effort: all features alike
    features = common + labels[:, None] * np.array([0.0, 1.0]) + rng.normal(0, 0.1, (600, 2))
    training, test = slice(0, 400), slice(400, 600)
    errors = [
        np.mean(guess(features[training], labels[training], features[test]) != labels[test])
        for guess in (nearest_centroid, linear_discriminant)
    ]
    assert errors[0] > 0.3
    assert errors[1] < 0.1


def test_power_is_taken_of_the_burst_alone() -> None:
    rate = 2000.0
    samples = np.full((6000, 2, 16), 0.5, np.float32)
    press = 1.5
    first, last = (round((press + edge) * rate) for edge in BURST)
    samples[first:last, 0, 3] = 10.0
    features = power_features(samples, rate, np.array([press]), 4)
    expected = np.full((4, 32), np.log10(0.25 + 1e-3))
    expected[:, 3] = np.log10(100 + 1e-3)
    np.testing.assert_allclose(features, expected.reshape(1, -1), rtol=1e-5)
