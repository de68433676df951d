"""Weights of other programs become bundles that emit the same as an independent computation of the published model."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor
from torch.nn import functional as nnf

from adapters.sessions.format import LAYOUT
from emgtype.commands.import_ import command
from messages.errors import InputError
from messages.signal import Chunk
from streamer.encoder.choice import open_encoder
from streamer.front_end.stft import Spectrogram
from training.foreign._encoders import encoder_from
from training.foreign.weight_files import read_foreign

State = dict[str, Tensor]
SAMPLES = 5200


def randomised(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> State:
    rng = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        fan_in = max(1, int(np.prod(shape[1:])))
        value = torch.randn(shape, generator=rng) / fan_in**0.5
        if name.endswith(("norm.weight", "running_var")):
            value = 1 + 0.2 * torch.rand(shape, generator=rng)
        state[name] = value
    return state


def front_shapes(stem: str, mlps: str, width: int, features: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{stem}.batch_norm.{name}": (32,) for name in ("weight", "bias", "running_mean", "running_var")
    }
    for band in (0, 1):
        shapes[f"{mlps}.mlps.{band}.mlp.0.weight"] = (features, width)
        shapes[f"{mlps}.mlps.{band}.mlp.0.bias"] = (features,)
    return shapes


def tds_shapes(blocks: str, head: str, features: int, channels: int, count: int, second: int = 2) -> Any:
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(count):
        conv, fc = f"{blocks}.tds_conv_blocks.{2 * i}", f"{blocks}.tds_conv_blocks.{2 * i + 1}"
        shapes[f"{conv}.conv2d.weight"] = (channels, channels, 1, 32)
        shapes[f"{conv}.conv2d.bias"] = (channels,)
        for place in (0, second):
            shapes[f"{fc}.fc_block.{place}.weight"] = (2 * features, 2 * features)
            shapes[f"{fc}.fc_block.{place}.bias"] = (2 * features,)
        for norm in (conv, fc):
            shapes[f"{norm}.layer_norm.weight"] = (2 * features,)
            shapes[f"{norm}.layer_norm.bias"] = (2 * features,)
    shapes[f"{head}.weight"] = (99, 2 * features)
    shapes[f"{head}.bias"] = (99,)
    return shapes


FEATURES, CHANNELS, BLOCKS = 24, 6, 2


def reference_state() -> State:
    return randomised(
        front_shapes("model.0", "model.1", 528, FEATURES) | tds_shapes("model.3", "model.4", FEATURES, CHANNELS, BLOCKS)
    )


def fork_front() -> dict[str, tuple[int, ...]]:
    ring = {"model.1.feature_proj.weight": (32, 33), "model.1.feature_proj.bias": (32,)}
    ring |= {"model.1.conv.weight": (32, 32, 3), "model.1.conv.bias": (32,)}
    return ring | front_shapes("model.0", "model.2", 512, FEATURES)


def fork_tds_state() -> State:
    return randomised(fork_front() | tds_shapes("model.4", "model.5", FEATURES, CHANNELS, BLOCKS))


HIDDEN, LAYERS = 10, 2


def fork_lstm_state(suffixes: tuple[str, ...]) -> State:
    shapes, outputs = fork_front(), len(suffixes) * HIDDEN
    for layer in range(LAYERS):
        for suffix in suffixes:
            inputs = 2 * FEATURES if layer == 0 else outputs
            shapes[f"model.4.lstm_layers.weight_ih_l{layer}{suffix}"] = (4 * HIDDEN, inputs)
            shapes[f"model.4.lstm_layers.weight_hh_l{layer}{suffix}"] = (4 * HIDDEN, HIDDEN)
            for bias in ("ih", "hh"):
                shapes[f"model.4.lstm_layers.bias_{bias}_l{layer}{suffix}"] = (4 * HIDDEN,)
    for place in (0, 2):
        shapes[f"model.4.fc_block.fc_block.{place}.weight"] = (outputs, outputs)
        shapes[f"model.4.fc_block.fc_block.{place}.bias"] = (outputs,)
    for part in ("weight", "bias"):
        shapes[f"model.4.fc_block.layer_norm.{part}"] = (outputs,)
    shapes |= {"model.4.out_layer.weight": (2 * FEATURES, outputs), "model.4.out_layer.bias": (2 * FEATURES,)}
    return randomised(shapes | {"model.5.weight": (99, 2 * FEATURES), "model.5.bias": (99,)})


# The published models, from the raw samples on, written without anything of ours.


def log_spectrogram(samples: Tensor) -> Tensor:
    """(N, 2, 16) µV → (T, 2, 16, 33)."""
    window = torch.hann_window(64, periodic=True, dtype=torch.float64)
    blocks = samples.double().unfold(0, 64, 16)  # (T, 2, 16, 64)
    power = torch.fft.rfft(blocks * window).abs() ** 2 / (window**2).sum()
    return torch.log10(power + 1e-6).float()


def normalised(x: Tensor, state: State, stem: str) -> Tensor:
    mean, var, weight, bias = (
        state[f"{stem}.batch_norm.{name}"].view(2, 16, 1) for name in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias


def through_mlps(x: Tensor, state: State, stem: str) -> Tensor:
    """(T, 2, 16, F) → (T, 2 · features)."""
    bands = []
    for band in (0, 1):
        weight, bias = state[f"{stem}.mlps.{band}.mlp.0.weight"], state[f"{stem}.mlps.{band}.mlp.0.bias"]
        rolled = [x[:, band].roll(offset, dims=1).flatten(1) for offset in (-1, 0, 1)]
        bands.append(torch.stack([nnf.relu(r @ weight.T + bias) for r in rolled]).mean(0))
    return torch.cat(bands, dim=1)


def layer_norm(x: Tensor, state: State, stem: str) -> Tensor:
    return nnf.layer_norm(x, x.shape[-1:], state[f"{stem}.layer_norm.weight"], state[f"{stem}.layer_norm.bias"])


def through_tds(x: Tensor, state: State, stem: str) -> Tensor:
    for i in range(BLOCKS):
        conv, fc = f"{stem}.tds_conv_blocks.{2 * i}", f"{stem}.tds_conv_blocks.{2 * i + 1}"
        image = x.T.reshape(1, CHANNELS, -1, len(x))  # (1, C, width, T); feature = channel · width + place
        y = nnf.relu(nnf.conv2d(image, state[f"{conv}.conv2d.weight"], state[f"{conv}.conv2d.bias"]))
        y = y.reshape(x.shape[1], -1).T
        x = layer_norm(y + x[-len(y) :], state, conv)
        y = nnf.relu(x @ state[f"{fc}.fc_block.0.weight"].T + state[f"{fc}.fc_block.0.bias"])
        x = layer_norm(x + y @ state[f"{fc}.fc_block.2.weight"].T + state[f"{fc}.fc_block.2.bias"], state, fc)
    return x


def around_the_ring(x: Tensor, state: State) -> Tensor:
    x = x @ state["model.1.feature_proj.weight"].T + state["model.1.feature_proj.bias"]
    flat = x.flatten(0, 1).mT  # (T · 2, 32, 16)
    y = nnf.conv1d(nnf.pad(flat, (1, 1), mode="circular"), state["model.1.conv.weight"], state["model.1.conv.bias"])
    return y.mT.reshape(x.shape)


def through_lstm(x: Tensor, state: State) -> Tensor:
    def direction(x: Tensor, name: str) -> Tensor:
        w, u, b, c = (
            state[f"model.4.lstm_layers.{part}_{name}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h, cell, out = torch.zeros(HIDDEN), torch.zeros(HIDDEN), []
        for frame in x:
            i, f, g, o = (w @ frame + b + u @ h + c).chunk(4)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            h = o.sigmoid() * cell.tanh()
            out.append(h)
        return torch.stack(out)

    for layer in range(LAYERS):
        directions = [direction(x, f"l{layer}")]
        if "model.4.lstm_layers.weight_hh_l0_reverse" in state:
            directions.append(direction(x.flip(0), f"l{layer}_reverse").flip(0))
        x = torch.cat(directions, dim=1)
    y = nnf.relu(x @ state["model.4.fc_block.fc_block.0.weight"].T + state["model.4.fc_block.fc_block.0.bias"])
    y = y @ state["model.4.fc_block.fc_block.2.weight"].T + state["model.4.fc_block.fc_block.2.bias"]
    x = layer_norm(x + y, state, "model.4.fc_block")
    return x @ state["model.4.out_layer.weight"].T + state["model.4.out_layer.bias"]


def published(samples: Tensor, state: State) -> Tensor:
    """(N, 2, 16) µV → (T, 99) log-probabilities."""
    x = normalised(log_spectrogram(samples), state, "model.0")
    if "model.1.conv.weight" not in state:
        x, head = through_tds(through_mlps(x, state, "model.1"), state, "model.3"), "model.4"
    else:
        x, head = through_mlps(around_the_ring(x, state), state, "model.2"), "model.5"
        recurrent = any("lstm" in name for name in state)
        x = through_lstm(x, state) if recurrent else through_tds(x, state, "model.4")
    return (x @ state[f"{head}.weight"].T + state[f"{head}.bias"]).log_softmax(-1)


def streamed(bundle: Path, samples: np.ndarray, hop: int) -> np.ndarray:
    encoder = open_encoder(str(bundle / "encoder.onnx"), hop)
    layout = encoder.facts.layout
    stage, parts = Spectrogram(encoder.facts.front_end, layout), []
    times = np.arange(len(samples)) / LAYOUT.rate
    for first in range(0, len(samples), 777):
        part = slice(first, first + 777)
        parts.append(encoder.push(stage.push(Chunk(samples[part], times[part], layout))).log_probs)
    return np.concatenate([*parts, encoder.finish().log_probs])


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 12, (SAMPLES, 2, 16)).astype(np.float32)


@pytest.mark.parametrize(
    ("state", "program", "streams"),
    [
        (reference_state(), "emg2qwerty", True),
        (fork_tds_state(), "fork", True),
        (fork_lstm_state(("", "_reverse")), "fork", False),
        (fork_lstm_state(("",)), "fork", True),
    ],
    ids=["reference", "spatial tds", "spatial lstm", "spatial lstm one way"],
)
def test_an_imported_checkpoint_emits_as_its_own_model_does(
    state: State, program: str, streams: bool, samples: np.ndarray, tmp_path: Path
) -> None:
    library = types.ModuleType("omegaconf.dictconfig")
    kind = type("DictConfig", (), {"__module__": library.__name__})
    library.DictConfig = kind  # type: ignore[attr-defined]
    path = tmp_path / "last.ckpt"
    counted = {"model.0.batch_norm.num_batches_tracked": torch.tensor(7)}
    sys.modules["omegaconf"], sys.modules[library.__name__] = types.ModuleType("omegaconf"), library
    try:
        torch.save({"state_dict": state | counted, "hyper_parameters": {"optimizer": kind()}, "epoch": 149}, path)
    finally:
        del sys.modules["omegaconf"], sys.modules[library.__name__]
    result = CliRunner().invoke(command, [str(path), "--out", str(tmp_path / "theirs")], catch_exceptions=False)
    assert result.exit_code == 0
    assert program in result.output
    expected = published(torch.from_numpy(samples), state).numpy()
    for hop in (1, 4):
        actual = streamed(tmp_path / "theirs", samples, hop)
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() < 1e-4
    facts = open_encoder(str(tmp_path / "theirs" / "encoder.onnx"), 4).facts
    assert facts.licence == "CC-BY-NC-SA-4.0"
    assert facts.provenance["imported_from"] == "last.ckpt"
    assert facts.emission_delay_ms is None
    assert facts.encoder.kind == ("streaming" if streams else "whole")


@pytest.mark.parametrize("kind", ["state dict", "safetensors", "folder", "folder with dropout"])
def test_names_and_files_of_braindecode_are_read(kind: str, samples: np.ndarray, tmp_path: Path) -> None:
    reference = reference_state()
    second = 3 if kind == "folder with dropout" else 2
    state = {
        name.replace("model.4.", "final_layer.").replace("fc_block.2.", f"fc_block.{second}."): value
        for name, value in reference.items()
    }
    path = tmp_path / "weights.pt"
    if kind == "state dict":
        torch.save(state, path)
    else:
        from safetensors.torch import save_file  # noqa: PLC0415

        path = tmp_path / "saved"
        path.mkdir()
        save_file(state, path / "model.safetensors")
        config = {
            "n_chans": 32, "n_outputs": 99, "mlp_features": [FEATURES], "block_channels": [CHANNELS] * BLOCKS,
            "drop_prob": 0.1 if second == 3 else 0.0, "chs_info": None, "braindecode_version": "1.3",
        }  # fmt: skip
        (path / "config.json").write_text(json.dumps(config))
        if kind == "safetensors":
            path = path / "model.safetensors"
    read = read_foreign(path)
    foreign = read.foreign
    assert foreign.program == "braindecode"
    with torch.no_grad():
        actual = foreign.encoder(log_spectrogram(torch.from_numpy(samples))[None])[0]
    assert torch.allclose(actual, published(torch.from_numpy(samples), reference), atol=1e-4)
    assert read.stft.window == 64


def test_tensors_that_do_not_fit_are_named() -> None:
    state = reference_state()
    bent = dict(state, **{"model.3.tds_conv_blocks.1.fc_block.0.weight": torch.zeros(3, 48)})
    with pytest.raises(InputError, match=r"fc_block\.0\.weight of shape \[3, 48\], expected \[48, 48\]"):
        encoder_from(bent, "x.ckpt")
    less = {name: value for name, value in state.items() if name != "model.3.tds_conv_blocks.0.layer_norm.bias"}
    with pytest.raises(InputError, match=r"no model\.3\.tds_conv_blocks\.0\.layer_norm\.bias, expected \[48\]"):
        encoder_from(less, "x.ckpt")
    with pytest.raises(InputError, match=r"model\.9\.weight, which emg2qwerty does not have"):
        encoder_from(dict(state, **{"model.9.weight": torch.zeros(1)}), "x.ckpt")
    with pytest.raises(InputError, match="names of no known program"):
        encoder_from({"conv1.weight": torch.zeros(1)}, "x.ckpt")
    with pytest.raises(InputError, match="no state dict"):
        encoder_from({"epoch": 3}, "x.ckpt")
    few = dict(state, **{"model.4.weight": torch.zeros(7, 48), "model.4.bias": torch.zeros(7)})
    with pytest.raises(InputError, match="has 7 classes"):
        encoder_from(few, "x.ckpt")
    headless = {name: value for name, value in state.items() if not name.startswith("model.4")}
    with pytest.raises(InputError, match=r"model\.4\.weight is missing"):
        encoder_from(headless, "x.ckpt")
