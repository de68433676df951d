import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from adapters.bundles.checksums import write_checksums
from messages.charset import BLANK, KEYS
from messages.errors import InputError
from messages.model_facts import CtcFacts, ModelFacts, StftFacts
from messages.signal import Chunk, Layout
from streamer.encoder.onnx_file import read_facts
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.stft import Spectrogram
from training.export.bundle import export_bundle, facts_of, streaming_difference
from training.export.checkpoint import TrainedEncoder
from training.export.graph import build_graph
from training.models.tds import TDSConfig, TDSEncoder

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
SMALL = TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=12, channels=6, kernel=5, blocks=2, offsets=(-2, 0, 1))


def facts(config: TDSConfig) -> ModelFacts:
    trained = TrainedEncoder(TDSEncoder(config), LAYOUT, StftFacts(), {}, 0)
    return facts_of(trained, name="test", hop=4, provenance={"seed": 7})


def trained_looking(config: TDSConfig, seed: int = 7) -> TDSEncoder:
    """Make a model with non-trivial weights, norms and statistics, whose emissions are neither flat nor certain."""
    torch.manual_seed(seed)
    model = TDSEncoder(config)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.uniform_(-2, 1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.3, 2)
        elif name.endswith(("scale", "shift", "norm.weight", "norm.bias")):
            tensor.add_(0.3 * torch.randn_like(tensor))
    return model.eval()


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> tuple[TDSEncoder, str]:
    model = trained_looking(TDSConfig(bands=2, electrodes=16, bins=33))
    path = tmp_path_factory.mktemp("paper") / "encoder.onnx"
    onnx.save(build_graph(model, facts(model.config)), path)
    return model, str(path)


@pytest.mark.parametrize("hop", [1, 2, 4, 8])
def test_paper_size_streams_as_it_computes_offline(paper: tuple[TDSEncoder, str], hop: int) -> None:
    model, path = paper
    samples = np.random.default_rng(hop).normal(0, 12, (8000, 2, 16)).astype(np.float32)
    frames = Spectrogram(StftFacts(), LAYOUT).push(Chunk(samples, np.arange(8000) / 2000, LAYOUT))
    with torch.no_grad():
        expected = model(torch.from_numpy(frames.values)[None])[0].numpy()
    encoder = OnnxEncoder.load(path, hop)
    parts = [encoder.push(frames), encoder.finish()]
    actual = np.concatenate([part.log_probs for part in parts])
    assert actual.shape == expected.shape == (373, 99)
    assert expected.std() > 0.5
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)
    assert np.concatenate([part.times for part in parts])[0] == 2047 / 2000  # the receptive field's newest sample


def test_a_bundle_holds_model_card_and_checksums(tmp_path: Path) -> None:
    model = trained_looking(SMALL)
    bundle = tmp_path / "exported" / "test"
    assert export_bundle(model, bundle, facts(SMALL), "# Test\nwhat it is\n") <= 1e-4
    assert sorted(path.name for path in bundle.iterdir()) == ["README.md", "SHA256SUMS", "encoder.onnx"]
    assert (bundle / "README.md").read_text() == "# Test\nwhat it is\n"
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["test"]
    read = read_facts(str(bundle / "encoder.onnx"))
    assert read == facts(SMALL)
    assert (read.decoder.classes, read.decoder.blank, read.encoder.receptive_field) == (KEYS, BLANK, 9)


def test_checksums_are_those_of_sha256sum(tmp_path: Path) -> None:
    sha256sum = shutil.which("sha256sum")
    if sha256sum is None:
        pytest.skip("no sha256sum on this machine")
    bundle = tmp_path / "test"
    bundle.mkdir()
    (bundle / "lm.binary").write_bytes(b"a language model")
    export_bundle(trained_looking(SMALL), bundle, facts(SMALL), "card")

    def check() -> tuple[int, str]:
        done = subprocess.run([sha256sum, "-c", "SHA256SUMS"], cwd=bundle, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert check() == (0, "README.md: OK\nencoder.onnx: OK\nlm.binary: OK\n")
    (bundle / "lm.binary").write_bytes(b"another")
    assert check()[0] == 1
    write_checksums(bundle)
    assert check()[0] == 0


def test_a_model_whose_streaming_differs_is_refused_and_nothing_written(tmp_path: Path) -> None:
    model = trained_looking(SMALL)
    model.head.register_forward_hook(lambda _layer, _inputs, output: output * 1.01)  # not in the graph
    with pytest.raises(InputError, match=r"differs from the offline forward by .*expected at most 0\.0001"):
        export_bundle(model, tmp_path / "test", facts(SMALL), "card")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_export_leaves_the_older_bundle_intact(tmp_path: Path) -> None:
    model = trained_looking(SMALL)
    export_bundle(model, tmp_path / "test", facts(SMALL), "card")
    before = {path.name: path.read_bytes() for path in (tmp_path / "test").iterdir()}
    with torch.no_grad():
        model.head.bias[3] = torch.nan
    with pytest.raises(InputError, match="nan"):
        export_bundle(model, tmp_path / "test", facts(SMALL), "another card")
    assert {path.name: path.read_bytes() for path in (tmp_path / "test").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


@pytest.mark.parametrize(
    "change",
    [
        {"layout": dataclasses.replace(LAYOUT, electrodes=8)},
        {"front_end": StftFacts(window=32)},
        {"decoder": CtcFacts(KEYS[:-1], len(KEYS) - 1)},
    ],
)
def test_facts_of_another_model_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="its facts"):
        export_bundle(trained_looking(SMALL), tmp_path / "test", dataclasses.replace(facts(SMALL), **change), "card")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_weight_in_the_file_is_noticed(tmp_path: Path) -> None:
    """Each weight of the graph matters to the check: a change of 5 % in any of them is detected."""
    model = trained_looking(SMALL)
    export_bundle(model, tmp_path, facts(SMALL), "card")
    proto = onnx.load(tmp_path / "encoder.onnx")
    weights = [w for w in proto.graph.initializer if w.data_type == onnx.TensorProto.FLOAT]
    assert len(weights) == 2 + 2 * 2 + 2 * (4 + 6) + 2
    for weight in weights:
        original = weight.raw_data
        weight.raw_data = (np.frombuffer(original, np.float32) * np.float32(1.05)).tobytes()
        onnx.save(proto, tmp_path / "changed.onnx")
        weight.raw_data = original
        assert streaming_difference(model, tmp_path / "changed.onnx", [1]) > 1e-4, weight.name


def test_an_export_does_not_change_the_model(tmp_path: Path) -> None:
    model = trained_looking(SMALL).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    export_bundle(model, tmp_path / "test", facts(SMALL), "card")
    assert model.training
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_any_runtime_can_run_the_graph_without_the_daemon(tmp_path: Path) -> None:
    """The metadata alone describe the inputs: names, shapes, symbolic hop."""
    export_bundle(trained_looking(SMALL), tmp_path / "test", facts(SMALL), "card")
    session = ort.InferenceSession(str(tmp_path / "test" / "encoder.onnx"), providers=["CPUExecutionProvider"])
    states = {state.name: np.zeros((1, *state.shape), np.float32) for state in facts(SMALL).encoder.states}
    for hop in (1, 5):
        log_probs, *new = session.run(None, {"frames": np.zeros((1, hop, 2, 16, 33), np.float32), **states})
        assert log_probs.shape == (1, hop, 99)
        assert [state.shape for state in new] == [state.shape for state in states.values()]
