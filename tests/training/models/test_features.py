import numpy as np
import torch

from messages.model_facts import StftFacts
from messages.signal import Chunk
from simulator.session import LAYOUT
from streamer.front_end.stft import Spectrogram
from training.models.features import LogSpectrogram


def test_the_torch_front_end_equals_the_streaming_one() -> None:
    samples = np.random.default_rng(0).normal(0, 10, (3, 500, 2, 16)).astype(np.float32)
    batch = LogSpectrogram(StftFacts())(torch.from_numpy(samples)).numpy()
    for one, expected in zip(samples, batch, strict=True):
        frames = Spectrogram(StftFacts(), LAYOUT).push(Chunk(one, np.arange(500.0), LAYOUT)).values
        np.testing.assert_allclose(
            expected, frames, atol=2e-3
        )  # float32 sums differ most where power is near the floor
        assert np.median(np.abs(expected - frames)) < 1e-5
