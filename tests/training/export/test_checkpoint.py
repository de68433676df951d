"""Weights in a bundle, from which another training starts."""

from pathlib import Path

import pytest
import torch

from adapters.sessions.format import LAYOUT
from messages.errors import InputError
from messages.model_facts import StftFacts
from training.export.checkpoint import WEIGHTS, TrainedEncoder, load_encoder, write_weights
from training.models.tds import TDSConfig, TDSEncoder


def test_weights_of_a_bundle_are_read_back_with_their_facts(tmp_path: Path) -> None:
    encoder = TDSEncoder(
        TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=6, channels=4, kernel=3, blocks=1)
    ).eval()
    encoder.input_norm(torch.randn(4, 32, 33, 1))
    trained = TrainedEncoder(encoder, LAYOUT, StftFacts(), {"rate": 0.002, "warm_start": {"delay": 0.06}}, 7)
    write_weights(trained, tmp_path / WEIGHTS)
    read = load_encoder(tmp_path)
    assert (read.layout, read.stft, read.settings, read.epoch) == (LAYOUT, StftFacts(), trained.settings, 7)
    assert read.encoder.to_dict() == encoder.to_dict()
    for name, tensor in encoder.state_dict().items():
        torch.testing.assert_close(read.encoder.state_dict()[name], tensor, rtol=0, atol=0)
    assert load_encoder(tmp_path / WEIGHTS).settings == trained.settings


def test_a_bundle_without_weights_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no weights.ckpt.*export it again"):
        load_encoder(tmp_path)
