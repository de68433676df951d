"""The streaming form of an encoder as an ONNX graph.

Its inputs are a hop of frames and the states carried from the hop before; its outputs are emissions and new states. The
graph is built node by node: the axes of streams (wearers who are decoded together) and of frames stay symbolic, so one
file with one set of weights serves every hop and every number of streams, and a runtime fixes them per session.
"""

from collections.abc import Callable, Iterable

import onnx
from onnx import TensorProto, helper

from messages.model_facts import ModelFacts, StateFacts
from streamer.encoder.onnx_file import FRAMES, HOP, LOG_PROBS, STREAMS, state_output
from training.export import _graph_parts as parts
from training.export._onnx_nodes import Nodes
from training.models.encoder_base import Encoder, EncoderConfig
from training.models.recurrent import SpatialLSTMConfig, SpatialLSTMEncoder
from training.models.spatial import SpatialEncoder, SpatialTDSEncoder
from training.models.split_share import SplitShareConfig, SplitShareEncoder
from training.models.tds import TDSEncoder, TDSSizes

OPSET = 17
"""The first opset with LayerNormalization."""
IR_VERSION = 8
"""The format that came with the opset: every runtime that supports the opset reads it."""

_Shape = tuple[int | str, ...]

NORMALISATION = "normalisation"
"""Name of the state of a rolling normalisation."""


def state_facts(config: EncoderConfig) -> tuple[StateFacts, ...]:
    """Return the states of a stream.

    They are the newest kernel - 1 inputs of each convolution, the (h, c) of an LSTM, and the sums of a rolling
    normalisation.
    """
    if isinstance(config, SpatialLSTMConfig):
        # (directions, hidden)
        shape = (1, config.hidden)
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
    """Build the streaming graph of a trained model, with its facts as metadata.

    Inputs: `frames` (streams, hop, bands, electrodes, bins) and each state of `state_facts`, (streams, ...); outputs:
    `log_probs` (streams, hop, classes) and each state's successor. float32. The emissions are exact once the zeros
    with which the states start have left the receptive field. A model that does not stream takes all frames as one hop.
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


# The functions below add the nodes of a family between frames and head, and return (streams · hop, features).


def _tds(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, TDSEncoder)
    x = parts.band_features(nodes, parts.standardise(nodes, model), model.mlps)
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
    x = parts.convolve_ring(nodes, parts.standardise(nodes, model), model.front, config.bands, config.electrodes)
    return parts.band_features(nodes, x, model.front.mlps)


def _split_share(nodes: Nodes, model: Encoder, states: list[str]) -> str:
    assert isinstance(model, SplitShareEncoder)
    config, (*contexts, normalisation) = model.config, states
    x = parts.hand_frames(nodes, config, normalisation)
    x = parts.rotation_invariant_mlp(nodes, x, model.mlp, range(config.electrodes))
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
"""Functions that add the nodes between frames and head, by family."""


def _values(shapes: Iterable[tuple[str, _Shape]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
