"""The streaming form of an encoder as an ONNX graph: one hop of frames and the carried states in, both new out.

Built node by node: the axes of streams (people who are decoded together) and of frames stay symbolic, so one file with
one set of weights serves every hop and every number of streams, and a runtime fixes them per session.
"""

from collections.abc import Callable, Iterable

import onnx
from onnx import TensorProto, helper

from messages.model_facts import ModelFacts, StateFacts
from streamer.encoder.onnx_file import FRAMES, HOP, LOG_PROBS, STREAMS, state_output
from training.export import graph_parts as parts
from training.export.onnx_nodes import Nodes
from training.models.encoder_base import Encoder, EncoderConfig
from training.models.recurrent import SpatialLSTMConfig, SpatialLSTMEncoder
from training.models.spatial import SpatialEncoder, SpatialTDSEncoder
from training.models.split_share import SplitShareConfig, SplitShareEncoder
from training.models.tds import TDSEncoder, TDSSizes

OPSET = 17
"""The first with LayerNormalization."""
IR_VERSION = 8
"""The one that came with the opset: readable by every runtime that knows it."""

_Shape = tuple[int | str, ...]

NORMALISATION = "normalisation"
"""State of a rolling normalisation."""


def state_facts(config: EncoderConfig) -> tuple[StateFacts, ...]:
    """What a stream carries: the newest kernel - 1 inputs of each convolution, an LSTM's (h, c), rolling sums."""
    if isinstance(config, SpatialLSTMConfig):
        shape = (1, config.hidden)  # (directions, hidden)
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


def build_graph(model: Encoder, facts: ModelFacts) -> onnx.ModelProto:
    """The streaming graph of a trained model, with its facts as metadata.

    Inputs: `frames` (streams, hop, bands, electrodes, bins) and each state of `state_facts`, (streams, ...); outputs:
    `log_probs` (streams, hop, classes) and each state's successor. float32. Exact from the frame on at which the zeros
    that the states start from have left the receptive field. A model that does not stream takes all frames as one hop.
    """
    config = model.config
    nodes = Nodes()
    features = _FEATURES[config.family](nodes, model, [state.name for state in facts.encoder.states])
    log_probs = nodes.add("LogSoftmax", nodes.linear(features, model.head), axis=-1)
    parts.by_stream(nodes, log_probs, config.classes, to=LOG_PROBS)
    shapes: list[tuple[str, _Shape]] = [(state.name, (STREAMS, *state.shape)) for state in facts.encoder.states]
    successors = [(state_output(name), shape) for name, shape in shapes]
    proto = helper.make_model(
        helper.make_graph(
            nodes.nodes,
            facts.name,
            _values([(FRAMES, (STREAMS, HOP, config.bands, config.electrodes, config.bins)), *shapes]),
            _values([(LOG_PROBS, (STREAMS, HOP, config.classes)), *successors]),
            nodes.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emgtype",
    )
    helper.set_model_props(proto, facts.to_metadata())
    onnx.checker.check_model(proto, full_check=True)
    return proto


# Between frames and head: what each family adds, (streams · hop, features) behind it.


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
    blocks = zip(model.conv_blocks, model.fc_blocks, strict=True)
    x = parts.tds_blocks(nodes, x, config, blocks, contexts, bands=config.bands)
    x = parts.by_stream(nodes, x, config.features, bands=config.bands)
    return nodes.reshape(nodes.add("Transpose", x, perm=[0, 2, 1, 3]), -1, config.bands * config.features)


_FEATURES: dict[str, Callable[[Nodes, Encoder, list[str]], str]] = {
    "tds": _tds,
    "spatial_tds": _spatial_tds,
    "spatial_lstm": _spatial_lstm,
    "split_share": _split_share,
}
"""What adds the nodes, by family."""


def _values(shapes: Iterable[tuple[str, _Shape]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
