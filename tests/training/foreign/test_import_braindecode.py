"""braindecode's own EMG2QwertyNet and our import of its weights compute the same, where braindecode is installed."""

import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from adapters.sessions.format import LAYOUT
from emgtype.commands.import_ import command
from messages.signal import Chunk
from streamer.encoder.choice import open_encoder
from streamer.front_end.stft import Spectrogram

BRAINDECODE = importlib.util.find_spec("braindecode")
pytestmark = [
    pytest.mark.skipif(BRAINDECODE is None, reason="braindecode is not installed"),
    pytest.mark.filterwarnings("default"),  # its warnings are not ours
]
SAMPLES = 4000


class PowerSpectrogram(torch.nn.Module):
    """torchaudio.transforms.Spectrogram(normalized=True, center=False), for where torchaudio cannot be imported."""

    def __init__(self, n_fft: int, hop_length: int, normalized: bool, center: bool) -> None:
        super().__init__()
        assert normalized
        assert not center
        self.register_buffer("window", torch.hann_window(n_fft))
        self.hop = hop_length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., N) → (..., bins, T)."""
        assert isinstance(self.window, torch.Tensor)
        blocks = x.unfold(-1, len(self.window), self.hop) * self.window
        power: torch.Tensor = torch.fft.rfft(blocks).abs().square() / self.window.square().sum()
        return power.mT


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    """The module of the class, alone: the package's other models need torchaudio's compiled part, and much else."""
    before = dict(sys.modules)
    assert BRAINDECODE is not None
    assert BRAINDECODE.submodule_search_locations is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module("torchaudio.transforms")
        except (ImportError, OSError):
            audio = MagicMock()
            audio.transforms.Spectrogram = PowerSpectrogram
            parts = {f"torchaudio.{part}": getattr(audio, part) for part in ("transforms", "functional")}
            sys.modules |= {"torchaudio": audio, **parts}
        root = Path(BRAINDECODE.submodule_search_locations[0])
        for name, folder in (("braindecode", root), ("braindecode.models", root / "models")):
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
        try:
            yield importlib.import_module("braindecode.models.emg2qwerty")
        finally:
            for name in set(sys.modules) - set(before):
                if name.partition(".")[0] in ("braindecode", "torchaudio"):
                    del sys.modules[name]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["state dict", "folder"])
def test_imported_random_weights_emit_as_braindecodes_class_does(
    module: Any, dropout: float, kind: str, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    net = module.EMG2QwertyNet(
        drop_prob=dropout, mlp_features=[48], block_channels=[6, 6], log_softmax=True, n_times=SAMPLES
    )
    norm: Any = next(part for part in net.modules() if isinstance(part, torch.nn.BatchNorm2d))
    with torch.no_grad():
        for statistic in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            statistic.uniform_(0.5, 1.5)
    path = tmp_path / "weights.pt"
    if kind == "state dict":
        torch.save(net.state_dict(), path)
    else:
        path = tmp_path / "saved"
        net.save_pretrained(path)
    result = CliRunner().invoke(command, [str(path), "--out", str(tmp_path / "theirs")], catch_exceptions=False)
    assert "braindecode" in result.output
    samples = np.random.default_rng(1).normal(0, 12, (SAMPLES, 2, 16)).astype(np.float32)
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(samples).flatten(1).T[None])[0].numpy()
    encoder = open_encoder(str(tmp_path / "theirs" / "encoder.onnx"), 4)
    chunk = Chunk(samples, np.arange(SAMPLES) / LAYOUT.rate, encoder.facts.layout)
    frames = Spectrogram(encoder.facts.front_end, encoder.facts.layout).push(chunk)
    actual = np.concatenate([encoder.push(frames).log_probs, encoder.finish().log_probs])
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < 1e-4
