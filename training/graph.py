"""The streaming form of a TDS encoder as an ONNX graph: one hop of frames and the carried context in, both new out.

Built node by node: the frame axis stays symbolic, so one file serves every hop, and a runtime fixes it per session.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from streamer.bundle_facts import BundleFacts, StateFacts
from streamer.encoder import FRAMES, HOP, LOG_PROBS, state_output
from training.encoder_base import Encoder, EncoderConfig
from training.tds import RotationInvariantMLP, TDSConfig, TDSConvBlock, TDSEncoder, TDSFullyConnectedBlock

OPSET = 17
"""The first with LayerNormalization."""
IR_VERSION = 8
"""The one that came with the opset: readable by every runtime that knows it."""


def state_facts(config: EncoderConfig) -> tuple[StateFacts, ...]:
    """The context of each convolution: its newest kernel - 1 input frames."""
    assert isinstance(config, TDSConfig)
    return tuple(StateFacts(f"context_{block}", (config.kernel - 1, config.features)) for block in range(config.blocks))


class _Graph:
    """Nodes and constants as they are added; each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: torch.Tensor | npt.ArrayLike, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        to = to or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [to], name=to, **attributes))
        return to

    def reshape(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, self.constant(shape, np.int64))

    def linear(self, x: str, layer: torch.nn.Linear) -> str:
        # MatMul, not Gemm: the runtime pre-packs its weights, and quantisers know it.
        return self.add("Add", self.add("MatMul", x, self.constant(layer.weight.T)), self.constant(layer.bias))

    def norm(self, x: str, layer: torch.nn.LayerNorm) -> str:
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        return self.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=layer.eps)


def build_graph(model: Encoder, facts: BundleFacts) -> onnx.ModelProto:
    """The streaming graph of a trained model, with its facts as metadata.

    Inputs: `frames` (hop, bands, electrodes, bins) and each state of `state_facts`; outputs: `log_probs`
    (hop, classes) and each state's successor. float32. Exact from the frame on at which the zeros that the states
    start from have left the receptive field.
    """
    assert isinstance(model, TDSEncoder)
    config = model.config
    graph = _Graph()
    x = _input_features(graph, model)
    for block, (conv, fc) in enumerate(zip(model.conv_blocks, model.fc_blocks, strict=True)):
        assert isinstance(conv, TDSConvBlock)
        assert isinstance(fc, TDSFullyConnectedBlock)
        assert conv.conv.bias is not None
        name = facts.states[block].name
        joined = graph.add("Concat", name, x, axis=0)
        newest = [graph.constant([1 - config.kernel], np.int64), graph.constant([2**31 - 1], np.int64)]
        graph.add("Slice", joined, *newest, graph.constant([0], np.int64), to=state_output(name))
        y = graph.reshape(joined, 1, -1, config.channels, config.width)
        y = graph.add("Transpose", y, perm=[0, 2, 1, 3])  # (1, T, C, W) → (1, C, T, W)
        weight = conv.conv.weight.transpose(2, 3)  # (C, C, 1, K) → (C, C, K, 1)
        y = graph.add("Conv", y, graph.constant(weight), graph.constant(conv.conv.bias))
        y = graph.add("Transpose", graph.add("Relu", y), perm=[0, 2, 1, 3])
        x = graph.norm(graph.add("Add", x, graph.reshape(y, -1, config.features)), conv.norm)
        y = graph.linear(graph.add("Relu", graph.linear(x, fc.first)), fc.second)
        x = graph.norm(graph.add("Add", x, y), fc.norm)
    graph.add("LogSoftmax", graph.linear(x, model.head), axis=-1, to=LOG_PROBS)
    shapes = [(state.name, state.shape) for state in facts.states]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            facts.name,
            _values([(FRAMES, (HOP, config.bands, config.electrodes, config.bins)), *shapes]),
            _values([(LOG_PROBS, (HOP, config.classes)), *((state_output(name), shape) for name, shape in shapes)]),
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emgtype",
    )
    helper.set_model_props(proto, facts.to_metadata())
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _input_features(graph: _Graph, model: TDSEncoder) -> str:
    """BatchNorm and the bands' MLPs: frames → (hop, features)."""
    config = model.config
    norm = model.input_norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = model.scale / torch.sqrt(norm.running_var + norm.eps)
    shift = model.shift - norm.running_mean * scale
    x = graph.reshape(FRAMES, -1, config.bands * config.electrodes, config.bins)
    x = graph.add("Mul", x, graph.constant(scale[:, None]))
    x = graph.add("Add", x, graph.constant(shift[:, None]))
    electrodes = np.arange(config.electrodes)
    bands = []
    for band, mlp in enumerate(model.mlps):
        assert isinstance(mlp, RotationInvariantMLP)
        # Rolled frames, not rolled weights as in training: at small hops reading the weights is the cost.
        rolls = [band * config.electrodes + np.roll(electrodes, offset) for offset in config.offsets]
        rolled = graph.add("Gather", x, graph.constant(np.concatenate(rolls), np.int64), axis=1)
        rolled = graph.reshape(rolled, -1, config.electrodes * config.bins)  # (hop · rolls, electrodes · bins)
        y = graph.reshape(
            graph.add("Relu", graph.linear(rolled, mlp.linear)), -1, len(config.offsets), config.mlp_features
        )
        bands.append(graph.add("ReduceMean", y, axes=[1], keepdims=0))
    return graph.add("Concat", *bands, axis=-1)


def _values(shapes: Iterable[tuple[str, tuple[int | str, ...]]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
