from pathlib import Path

import onnx
import pytest
import torch

from messages.model_facts import ModelFacts, StftFacts
from messages.signal import Layout
from training.export.bundle import facts_of
from training.export.checkpoint import TrainedEncoder
from training.export.graph import build_graph
from training.models.tds import TDSConfig, TDSEncoder

CONFIG = TDSConfig(bands=2, electrodes=4, bins=17, mlp_features=12, channels=6, kernel=4, blocks=3)


@pytest.fixture(scope="session")
def small_model() -> TDSEncoder:
    """A tiny TDS of random weights."""
    torch.manual_seed(3)
    model = TDSEncoder(CONFIG)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.3 * torch.rand_like(tensor))
    return model.eval()


@pytest.fixture(scope="session")
def small_facts(small_model: TDSEncoder) -> ModelFacts:
    layout = Layout(2000.0, "uV", ("left", "right"), CONFIG.electrodes)
    trained = TrainedEncoder(small_model, layout, StftFacts(window=32, hop=8), {}, 0)
    return facts_of(trained, name="small", hop=3, provenance={})


@pytest.fixture(scope="session")
def small_onnx(small_model: TDSEncoder, small_facts: ModelFacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny TDS as a streaming ONNX file; receptive field 10 frames."""
    path = tmp_path_factory.mktemp("bundle") / "encoder.onnx"
    onnx.save(build_graph(small_model, small_facts), path)
    return path
