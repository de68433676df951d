import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from messages.model_facts import ModelFacts, StftFacts
from messages.signal import Frames, Layout
from streamer.encoder.stream import OnnxEncoder
from training.export.bundle import facts_of
from training.export.checkpoint import TrainedEncoder
from training.export.graph import build_graph
from training.export.quantise import WEIGHT_STEPS, Range, calibrate, dense_layers, quantise_graph
from training.models.encoder_base import Encoder
from training.models.families import make_encoder

TIMES = np.arange(900.0)
FRAME_SIZES: dict[str, Any] = {"bands": 2, "electrodes": 16, "bins": 33}
SIZES: dict[str, Any] = {**FRAME_SIZES, "channels": 24, "kernel": 5, "blocks": 2, "mlp_features": 96}


def model_of(family: str = "tds") -> Encoder:
    torch.manual_seed(7)
    model = make_encoder({**SIZES, "family": family})
    with torch.no_grad():
        model.head.weight *= 4  # emissions that are not flat
    return model.eval()


def facts_for(model: Encoder) -> ModelFacts:
    layout = Layout(2000.0, "uV", ("left", "right"), 16)
    return facts_of(TrainedEncoder(model, layout, StftFacts(), {}, 0), name="test", hop=4, provenance={})


def frames(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(-1, 1, (900, 2, 16, 33)).astype(np.float32)


def emissions(graph: onnx.ModelProto, folder: Path, hop: int = 4) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    onnx.save(graph, folder / "model.onnx")
    return OnnxEncoder.load(str(folder / "model.onnx"), hop).push(Frames.complete(frames(3), TIMES)).log_probs


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    model = model_of()
    return build_graph(model, facts_for(model))


@pytest.mark.parametrize(
    ("family", "layers"), [("tds", 2 + 2 * 2 + 1), ("spatial_tds", 4 + 4 + 1), ("split_share", 1 + 2 * 2 + 1)]
)
def test_all_dense_layers_are_found(family: str, layers: int) -> None:
    model = model_of(family)
    assert len(dense_layers(build_graph(model, facts_for(model)))) == layers


def test_int8_emissions_are_close_to_those_in_float_and_smaller_on_disk(graph: onnx.ModelProto, tmp_path: Path) -> None:
    model = model_of()
    facts = facts_for(model)
    layers = dense_layers(graph)
    small = quantise_graph(graph, calibrate(graph, facts, [frames(1), frames(2)]), layers)
    before, after = emissions(graph, tmp_path), emissions(small, tmp_path)
    divergence = (np.exp(before) * (before - after)).sum(axis=-1).mean()
    assert 0 < divergence < 0.01 < before.std()
    assert (before.argmax(-1) == after.argmax(-1)).mean() > 0.95
    assert small.ByteSize() < 0.6 * graph.ByteSize()
    assert [entry.key for entry in small.metadata_props] == [entry.key for entry in graph.metadata_props]


def test_layers_that_are_not_chosen_stay_in_float(graph: onnx.ModelProto, tmp_path: Path) -> None:
    facts = facts_for(model_of())
    layers, ranges = dense_layers(graph), calibrate(graph, facts, [frames(1)])
    assert quantise_graph(graph, ranges, []) == graph
    one = quantise_graph(graph, ranges, layers[:1])
    assert [layer.product for layer in dense_layers(one)] == [layer.product for layer in layers[1:]]
    assert 0 < np.abs(emissions(one, tmp_path) - emissions(graph, tmp_path)).max() < 1


def test_neither_the_hop_nor_other_streams_change_the_rounding(graph: onnx.ModelProto, tmp_path: Path) -> None:
    """Scales are fixed: a frame's emission may not depend on which frames share its call."""
    facts = facts_for(model_of())
    small = quantise_graph(graph, calibrate(graph, facts, [frames(1)]), dense_layers(graph))
    one_by_one, by_fifty = emissions(small, tmp_path, 1), emissions(small, tmp_path, 50)
    # float32 rounds elsewhere in another order, and what lies between two steps may then go to the other one
    assert np.abs(one_by_one - by_fifty).mean() < 1e-3


def test_no_sum_of_two_products_can_overflow_sixteen_bits(graph: onnx.ModelProto) -> None:
    facts = facts_for(model_of())
    small = quantise_graph(graph, calibrate(graph, facts, [frames(1)]), dense_layers(graph))
    weights = [numpy_helper.to_array(w) for w in small.graph.initializer if w.data_type == onnx.TensorProto.INT8]
    assert max(int(np.abs(w).max()) for w in weights) == WEIGHT_STEPS
    assert 2 * 255 * WEIGHT_STEPS < 2**15


@settings(max_examples=100)
@given(st.floats(-100, 0), st.floats(0.01, 100))
def test_zero_is_a_step_of_every_range(low: float, high: float) -> None:
    within = Range(low, high)
    assert 0 <= within.zero <= 255
    assert abs(within.zero * within.scale + low) <= 0.5001 * within.scale


def test_the_facts_state_the_precision() -> None:
    facts = facts_for(model_of())
    assert facts.encoder.precision == "fp32"
    again = type(facts).from_metadata(
        dataclasses.replace(facts, encoder=dataclasses.replace(facts.encoder, precision="int8")).to_metadata(), "here"
    )
    assert again.encoder.precision == "int8"
