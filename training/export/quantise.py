"""Eight-bit dense layers: the graph of an encoder with a quarter of the bytes to read per hop.

Weights are symmetric with a scale per output, from its largest weight. Inputs are unsigned with a zero point and one
scale per layer, which calibration fixes. Plan:

1. `calibrate` runs the float graph on recordings and collects a sample of the values that enter each dense layer.
2. Of 15 ranges for these values, it chooses the one with the least squared rounding error.
3. `quantise_graph` replaces the chosen layers by the runtime's integer kernel.

A scale for each call, as dynamic quantisation has, was rejected: the wearers of a batch, and the frames of a hop, would
change each other's emissions.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (arXiv 1712.05877).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from adapters.bundles.checksums import sha256
from messages.model_facts import ModelFacts
from messages.signal import F32, F64
from streamer.encoder.onnx_file import FRAMES, single_threaded, state_output
from training.export.bundle import ENCODER, INT8

WEIGHT_STEPS = 63
"""Largest quantised weight, of 127: processors without VNNI add two products of input and weight in 16 bits."""
INPUT_STEPS = 255
_KERNEL = "com.microsoft"
"""Domain of the runtime's own kernels.

The runtime fuses most standard QuantizeLinear pairs away, and with them the gain in speed.
"""
_BLOCK_FRAMES = 256
"""Frames per call while calibrating."""
_SAMPLES = 200_000
"""Number of values that are kept per layer."""
_CLIPS = np.linspace(0.3, 1.0, 15)
"""Shares of the full range of values that are tried."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A dense layer x · weight + bias of a graph, by the names of its tensors."""

    x: str
    weight: str
    bias: str
    product: str
    """Tensor between product and sum."""
    output: str


@dataclass(frozen=True, slots=True)
class Range:
    """Range of a layer's input that eight bits represent; values outside are clipped."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """Size of one step."""
        return (self.high - self.low) / INPUT_STEPS

    @property
    def zero(self) -> int:
        """Step that represents 0."""
        return round(-self.low / self.scale)


def dense_layers(graph: onnx.ModelProto) -> list[Dense]:
    """Return the layers that can be quantised, from frames to head."""
    constants = {constant.name for constant in graph.graph.initializer}
    sums = {
        name: (node, [other for other in node.input if other != name])
        for node in graph.graph.node
        if node.op_type == "Add"
        for name in node.input
    }
    layers = []
    for node in graph.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in constants or node.output[0] not in sums:
            continue
        following, (bias,) = sums[node.output[0]]
        if bias in constants:
            layers.append(Dense(node.input[0], node.input[1], bias, node.output[0], following.output[0]))
    return layers


def calibrate(graph: onnx.ModelProto, facts: ModelFacts, sessions: Sequence[F32]) -> dict[str, Range]:
    """Return the range of each dense layer's input with the least squared error, by the name of the input.

    Args:
        graph: Streaming graph in float32.
        facts: Facts of the model.
        sessions: Frames (F, bands, electrodes, bins) of recordings on which the model must be accurate.
    """
    names = [layer.x for layer in dense_layers(graph)]
    samples: dict[str, list[F32]] = {name: [] for name in names}
    blocks = sum(len(frames) // _BLOCK_FRAMES for frames in sessions) or 1
    rng = np.random.default_rng(0)
    for values in _inputs(graph, facts, sessions, names):
        for name, array in zip(names, values, strict=True):
            flat = array.ravel()
            samples[name].append(rng.choice(flat, min(len(flat), _SAMPLES // blocks + 1), replace=False))
    return {name: _best_range(np.concatenate(parts)) for name, parts in samples.items()}


def _inputs(
    graph: onnx.ModelProto, facts: ModelFacts, sessions: Sequence[F32], names: Sequence[str]
) -> Iterator[list[F32]]:
    """Yield the inputs of the layers, block by block, once the receptive field is filled."""
    probed = onnx.ModelProto()
    probed.CopyFrom(graph)
    probed.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(probed.SerializeToString(), single_threaded(), providers=["CPUExecutionProvider"])
    successors = [state_output(state.name) for state in facts.encoder.states]
    for frames in sessions:
        states = {state.name: np.zeros((1, *state.shape), np.float32) for state in facts.encoder.states}
        for first in range(0, len(frames) - _BLOCK_FRAMES + 1, _BLOCK_FRAMES):
            block = frames[None, first : first + _BLOCK_FRAMES]
            outputs = session.run([*names, *successors], {FRAMES: block, **states})
            states = dict(zip(states, outputs[len(names) :], strict=True))
            if first >= facts.encoder.receptive_field:
                yield outputs[: len(names)]


def _best_range(values: F32) -> Range:
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    candidates = [Range(low * clip, high * clip) for clip in _CLIPS]
    return min(candidates, key=lambda each: float(np.square(values - _round(values, each)).sum()))


def _round(values: F32, to: Range) -> F64:
    steps = np.clip(np.round(values / to.scale) + to.zero, 0, INPUT_STEPS)
    rounded: F64 = (steps - to.zero) * to.scale
    return rounded


def quantise_graph(graph: onnx.ModelProto, ranges: Mapping[str, Range], layers: Collection[Dense]) -> onnx.ModelProto:
    """Return the same graph with some of its `dense_layers` in int8; its metadata stay."""
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    by_product, sums = {layer.product: layer for layer in layers}, {layer.output for layer in layers}
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if (layer := by_product.get(node.output[0])) is not None:
            _add_int8_layer(model.graph, layer, ranges[layer.x])
        elif node.output[0] not in sums:
            model.graph.node.append(node)
    if layers:
        model.opset_import.append(helper.make_opsetid(_KERNEL, 1))
    return model


def _add_int8_layer(graph: onnx.GraphProto, layer: Dense, inputs: Range) -> None:
    """Replace the weights of a layer, and add the two nodes that quantise its input and multiply."""
    float_weight = next(constant for constant in graph.initializer if constant.name == layer.weight)
    # (inputs, outputs)
    weight = numpy_helper.to_array(float_weight)
    scales = np.maximum(np.abs(weight).max(axis=0), 1e-12) / WEIGHT_STEPS
    values = {
        "x_scale": np.float32(inputs.scale),
        "x_zero": np.uint8(inputs.zero),
        "w": np.round(weight / scales).astype(np.int8),
        "w_scale": scales.astype(np.float32),
        "w_zero": np.zeros(len(scales), np.int8),
    }
    names = {name: f"{layer.product}_{name}" for name in values}
    for name, value in values.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), names[name]))
    graph.initializer.remove(float_weight)
    x, scale, zero = f"{layer.product}_x", names["x_scale"], names["x_zero"]
    operands = [x, names["w"], scale, names["w_scale"], zero, names["w_zero"], layer.bias]
    graph.node.extend(
        [
            helper.make_node("QuantizeLinear", [layer.x, scale, zero], [x], name=x),
            helper.make_node("MatMulIntegerToFloat", operands, [layer.output], name=layer.output, domain=_KERNEL),
        ]
    )


def write_int8(model: onnx.ModelProto, facts: ModelFacts, bundle: Path, comparison: Mapping[str, Any]) -> None:
    """Write a quantised graph into a bundle, beside the encoder.onnx from which it was made.

    Args:
        model: Result of `quantise_graph`; its metadata are replaced.
        facts: Facts of the float encoder.
        bundle: Folder of the bundle.
        comparison: Loss of accuracy, for the provenance.
    """
    provenance = {**facts.provenance, "encoder_sha256": sha256(bundle / ENCODER), "quantisation": dict(comparison)}
    del model.metadata_props[:]
    helper.set_model_props(
        model, replace(facts, encoder=replace(facts.encoder, precision="int8"), provenance=provenance).to_metadata()
    )
    onnx.save(model, bundle / INT8)
