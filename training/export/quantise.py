"""Eight-bit dense layers: an encoder's graph with a quarter of the bytes to read per hop.

Weights: symmetric, a scale per output, from the largest weight of each. Inputs: unsigned with a zero point, one scale
per layer, fixed at calibration. A scale for each call, as dynamic quantisation has, would let people in a batch, and
the frames of a hop, change each other's emissions.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (arXiv 1712.05877).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from adapters.bundles.checksums import sha256
from messages.model_facts import ModelFacts
from streamer.encoder.onnx_file import FRAMES, single_threaded, state_output
from training.export.bundle import ENCODER, INT8

FloatArray = npt.NDArray[np.float32]

WEIGHT_STEPS = 63
"""Largest weight, of int8's 127: processors without VNNI add two products of input (to 255) and weight in 16 bits."""
INPUT_STEPS = 255
_KERNEL = "com.microsoft"
"""The runtime's own kernels: of standard QuantizeLinear pairs it would lose most to other fusions, and their speed."""
_BLOCK = 256  # frames per call while calibrating
_SAMPLES = 200_000  # values kept per layer
_CLIPS = np.linspace(0.3, 1.0, 15)


@dataclass(frozen=True, slots=True)
class Dense:
    """A layer x · weight + bias of a graph, by the names of its tensors."""

    x: str
    weight: str
    bias: str
    product: str
    """Between product and sum."""
    output: str


@dataclass(frozen=True, slots=True)
class Range:
    """Values of a layer's input that eight bits are spread over; the others are clipped."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """Of one step."""
        return (self.high - self.low) / INPUT_STEPS

    @property
    def zero(self) -> int:
        """The step that means 0."""
        return round(-self.low / self.scale)


def dense_layers(graph: onnx.ModelProto) -> list[Dense]:
    """The layers that can be quantised, from frames to head."""
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


def calibrate(graph: onnx.ModelProto, facts: ModelFacts, sessions: Sequence[FloatArray]) -> dict[str, Range]:
    """The range of each dense layer's input with the least squared error.

    Args:
        graph: Streaming graph in float32.
        facts: Of the model.
        sessions: Frames (F, bands, electrodes, bins) of recordings that the model should do well on.

    Returns:
        By the name of the layer's input.
    """
    names = [layer.x for layer in dense_layers(graph)]
    kept: dict[str, list[FloatArray]] = {name: [] for name in names}
    blocks = sum(len(frames) // _BLOCK for frames in sessions) or 1
    rng = np.random.default_rng(0)
    for values in _inputs(graph, facts, sessions, names):
        for name, array in zip(names, values, strict=True):
            flat = array.ravel()
            kept[name].append(rng.choice(flat, min(len(flat), _SAMPLES // blocks + 1), replace=False))
    return {name: _best_range(np.concatenate(parts)) for name, parts in kept.items()}


def _inputs(
    graph: onnx.ModelProto, facts: ModelFacts, sessions: Sequence[FloatArray], names: Sequence[str]
) -> Iterator[list[FloatArray]]:
    """What enters the layers, block by block, once the receptive field is filled."""
    seen = onnx.ModelProto()
    seen.CopyFrom(graph)
    seen.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(seen.SerializeToString(), single_threaded(), providers=["CPUExecutionProvider"])
    after = [state_output(state.name) for state in facts.encoder.states]
    for frames in sessions:
        states = {state.name: np.zeros((1, *state.shape), np.float32) for state in facts.encoder.states}
        for first in range(0, len(frames) - _BLOCK + 1, _BLOCK):
            found = session.run([*names, *after], {FRAMES: frames[None, first : first + _BLOCK], **states})
            states = dict(zip(states, found[len(names) :], strict=True))
            if first >= facts.encoder.receptive_field:
                yield found[: len(names)]


def _best_range(values: FloatArray) -> Range:
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    candidates = [Range(low * clip, high * clip) for clip in _CLIPS]
    return min(candidates, key=lambda each: float(np.square(values - _rounded(values, each)).sum()))


def _rounded(values: FloatArray, within: Range) -> npt.NDArray[np.float64]:
    steps = np.clip(np.round(values / within.scale) + within.zero, 0, INPUT_STEPS)
    rounded: npt.NDArray[np.float64] = (steps - within.zero) * within.scale
    return rounded


def quantised(graph: onnx.ModelProto, ranges: Mapping[str, Range], layers: Collection[Dense]) -> onnx.ModelProto:
    """The same graph with some of its `dense_layers` in int8; its metadata stay."""
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    constants = {constant.name: constant for constant in model.graph.initializer}
    by_product, sums = {layer.product: layer for layer in layers}, {layer.output for layer in layers}
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        layer = by_product.get(node.output[0])
        if layer is None:
            if node.output[0] not in sums:
                model.graph.node.append(node)
            continue
        weight = numpy_helper.to_array(constants[layer.weight])  # (inputs, outputs)
        scales = np.maximum(np.abs(weight).max(axis=0), 1e-12) / WEIGHT_STEPS
        within = ranges[layer.x]
        values = {
            "x_scale": np.float32(within.scale),
            "x_zero": np.uint8(within.zero),
            "w": np.round(weight / scales).astype(np.int8),
            "w_scale": scales.astype(np.float32),
            "w_zero": np.zeros(len(scales), np.int8),
        }
        names = {name: f"{layer.product}_{name}" for name in values}
        for name, value in values.items():
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), names[name]))
        model.graph.initializer.remove(constants[layer.weight])
        x, scale, zero = f"{layer.product}_x", names["x_scale"], names["x_zero"]
        inputs = [x, names["w"], scale, names["w_scale"], zero, names["w_zero"], layer.bias]
        model.graph.node.extend(
            [
                helper.make_node("QuantizeLinear", [layer.x, scale, zero], [x], name=x),
                helper.make_node("MatMulIntegerToFloat", inputs, [layer.output], name=layer.output, domain=_KERNEL),
            ]
        )
    if layers:
        model.opset_import.append(helper.make_opsetid(_KERNEL, 1))
    return model


def write_int8(model: onnx.ModelProto, facts: ModelFacts, bundle: Path, comparison: Mapping[str, Any]) -> None:
    """Put a quantised graph into a bundle, beside the encoder.onnx that it was made of.

    Args:
        model: As `quantised` gives it; its metadata are replaced.
        facts: Of the float encoder.
        bundle: Folder.
        comparison: What it costs, for the provenance.
    """
    provenance = {**facts.provenance, "encoder_sha256": sha256(bundle / ENCODER), "quantisation": dict(comparison)}
    del model.metadata_props[:]
    helper.set_model_props(
        model, replace(facts, encoder=replace(facts.encoder, precision="int8"), provenance=provenance).to_metadata()
    )
    onnx.save(model, bundle / INT8)
