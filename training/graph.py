"""The streaming form of an encoder as an ONNX graph: one hop of frames and the carried states in, both new out.

Built node by node: the frame axis stays symbolic, so one file serves every hop, and a runtime fixes it per session.
"""

from collections.abc import Callable, Iterable

import onnx
from onnx import TensorProto, helper

from streamer.bundle_facts import BundleFacts, StateFacts
from streamer.encoder import FRAMES, HOP, LOG_PROBS, state_output
from training import graph_parts as parts
from training.encoder_base import Encoder, EncoderConfig
from training.onnx_nodes import Nodes
from training.recurrent import SpatialLSTMConfig, SpatialLSTMEncoder
from training.spatial import SpatialEncoder, SpatialTDSEncoder
from training.split_share import SplitShareConfig, SplitShareEncoder
from training.tds import TDSEncoder, TDSSizes

OPSET = 17
"""The first with LayerNormalization."""
IR_VERSION = 8
"""The one that came with the opset: readable by every runtime that knows it."""

NORMALISATION = "normalisation"
"""State of a rolling normalisation."""


def state_facts(config: EncoderConfig) -> tuple[StateFacts, ...]:
    """What an encoder carries: the newest kernel - 1 inputs of each convolution, an LSTM's (h, c), rolling sums."""
    if isinstance(config, SpatialLSTMConfig):
        shape = (1, 1, config.hidden)  # (directions, sequences, hidden)
        names = [name for layer in range(config.layers) for name in (f"hidden_{layer}", f"cell_{layer}")]
        return tuple(StateFacts(name, shape) for name in names) if config.streams else ()
    assert isinstance(config, TDSSizes)
    shared = isinstance(config, SplitShareConfig)
    context = (*([config.bands] if shared else []), config.kernel - 1, config.features)
    states = [StateFacts(f"context_{block}", context) for block in range(config.blocks)]
    if isinstance(config, SplitShareConfig):
        columns = config.bands * config.electrodes * config.frequency_bands
        states.append(StateFacts(NORMALISATION, (1, 2 * columns + 1)))
    return tuple(states)


def build_graph(model: Encoder, facts: BundleFacts) -> onnx.ModelProto:
    """The streaming graph of a trained model, with its facts as metadata.

    Inputs: `frames` (hop, bands, electrodes, bins) and each state of `state_facts`; outputs: `log_probs`
    (hop, classes) and each state's successor. float32. Exact from the frame on at which the zeros that the states
    start from have left the receptive field. A model that does not stream takes all frames as one hop.
    """
    config = model.config
    nodes = Nodes()
    features = _FEATURES[config.family](nodes, model, [state.name for state in facts.states])
    nodes.add("LogSoftmax", nodes.linear(features, model.head), axis=-1, to=LOG_PROBS)
    shapes = [(state.name, state.shape) for state in facts.states]
    proto = helper.make_model(
        helper.make_graph(
            nodes.nodes,
            facts.name,
            _values([(FRAMES, (HOP, config.bands, config.electrodes, config.bins)), *shapes]),
            _values([(LOG_PROBS, (HOP, config.classes)), *((state_output(name), shape) for name, shape in shapes)]),
            nodes.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emgtype",
    )
    helper.set_model_props(proto, facts.to_metadata())
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _tds(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, TDSEncoder)
    x = parts.band_features(nodes, parts.standardised(nodes, model), model.mlps)
    return parts.tds_blocks(nodes, x, model.config, zip(model.conv_blocks, model.fc_blocks, strict=True), states)


def _spatial_tds(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, SpatialTDSEncoder)
    x = _spatial_front(nodes, model)
    return parts.tds_blocks(nodes, x, model.config, zip(model.conv_blocks, model.fc_blocks, strict=True), states)


def _spatial_lstm(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, SpatialLSTMEncoder)
    carried = list(zip(states[::2], states[1::2], strict=True))
    x = parts.lstm(nodes, _spatial_front(nodes, model), model, carried)
    y = nodes.linear(nodes.add("Relu", nodes.linear(x, model.first)), model.second)
    return nodes.linear(nodes.norm(nodes.add("Add", x, y), model.norm), model.out)


def _spatial_front(nodes: Nodes, model: SpatialEncoder) -> str:
    config = model.config
    x = parts.around_ring(nodes, parts.standardised(nodes, model), model.front, config.bands, config.electrodes)
    return parts.band_features(nodes, x, model.front.mlps)


def _split_share(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, SplitShareEncoder)
    config, (*contexts, normalisation) = model.config, states
    x = parts.hands(nodes, config, normalisation)
    x = parts.rotation_invariant(nodes, x, model.mlp, range(config.electrodes))
    x = nodes.reshape(x, config.bands, -1, config.features)
    blocks = zip(model.conv_blocks, model.fc_blocks, strict=True)
    x = parts.tds_blocks(nodes, x, config, blocks, contexts, sequences=config.bands)
    return nodes.reshape(nodes.add("Transpose", x, perm=[1, 0, 2]), -1, config.bands * config.features)


_FEATURES: dict[str, Callable[[Nodes, Encoder, list[str]], str]] = {
    "tds": _tds,
    "spatial_tds": _spatial_tds,
    "spatial_lstm": _spatial_lstm,
    "split_share": _split_share,
}
"""What adds the nodes between frames and head, for each family."""


def _values(shapes: Iterable[tuple[str, tuple[int | str, ...]]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
