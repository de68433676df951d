"""The parts of encoders as ONNX nodes in streaming form: they take a hop of frames, and read and write states.

Between frames and head the rows are those of all streams, one stream's hop after the other: (streams · hop, ...), since
runtimes fuse and quantise dense layers over rows. Only the parts that look back in time separate the streams.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import torch
from onnx import TensorProto
from torch import nn

from streamer.encoder.onnx_file import FRAMES, state_output
from training.export._onnx_nodes import Nodes
from training.models.encoder_base import NormalisingEncoder
from training.models.recurrent import SpatialLSTMEncoder
from training.models.spatial import NEIGHBOURS, SpatialFront
from training.models.split_share import VARIANCE_FLOOR, SplitShareConfig, band_weights, mirror_index
from training.models.tds import RotationInvariantMLP, TDSConvBlock, TDSFullyConnectedBlock, TDSSizes


def standardise(nodes: Nodes, model: NormalisingEncoder) -> str:
    """Apply the BatchNorm with the statistics of the training set: frames → (rows, bands · electrodes, bins)."""
    config, norm = model.config, model.input_norm
    mean, var = cast(torch.Tensor, norm.running_mean), cast(torch.Tensor, norm.running_var)
    scale = model.scale / torch.sqrt(var + norm.eps)
    x = nodes.reshape(FRAMES, -1, config.bands * config.electrodes, config.bins)
    x = nodes.add("Mul", x, nodes.constant(scale[:, None]))
    return nodes.add("Add", x, nodes.constant((model.shift - mean * scale)[:, None]))


def convolve_ring(nodes: Nodes, x: str, front: SpatialFront, bands: int, electrodes: int) -> str:
    """Apply the spatial front before its MLPs, from (rows, bands · electrodes, bins) to (.., .., features)."""
    x = nodes.linear(x, front.linear)
    features = front.linear.out_features
    ring = np.arange(electrodes)
    index = [band * electrodes + (ring[:, None] + NEIGHBOURS) % electrodes for band in range(bands)]
    x = nodes.add("Gather", x, nodes.constant(np.concatenate(index).ravel(), np.int64), axis=1)
    x = nodes.reshape(x, -1, bands * electrodes, len(NEIGHBOURS) * features)
    return nodes.affine(x, front.kernel, front.conv.bias)


def band_features(nodes: Nodes, x: str, mlps: Iterable[nn.Module]) -> str:
    """Apply the MLP of each band: (rows, bands · electrodes, bins) → (rows, bands · features)."""
    bands = []
    for band, mlp in enumerate(mlps):
        assert isinstance(mlp, RotationInvariantMLP)
        electrodes = mlp.config.electrodes
        bands.append(rotation_invariant_mlp(nodes, x, mlp, range(band * electrodes, (band + 1) * electrodes)))
    return nodes.add("Concat", *bands, axis=-1) if len(bands) > 1 else bands[0]


def rotation_invariant_mlp(nodes: Nodes, x: str, mlp: RotationInvariantMLP, ring: Sequence[int]) -> str:
    """Apply an MLP to a ring of electrodes: (n, electrodes of all bands, bins) → (n, features).

    Args:
        nodes: The graph.
        x: Name of the input.
        mlp: The MLP.
        ring: Indices of the ring's electrodes.
    """
    config = mlp.config
    # Frames are rolled, not weights as in training: at small hops, reading the weights takes the time.
    rolls = np.concatenate([np.roll(ring, offset) for offset in config.offsets])
    x = nodes.add("Gather", x, nodes.constant(rolls, np.int64), axis=1)
    # (n · rolls, electrodes · bins)
    x = nodes.reshape(x, -1, config.electrodes * mlp.bins)
    x = nodes.reshape(nodes.add("Relu", nodes.linear(x, mlp.linear)), -1, len(config.offsets), config.mlp_features)
    return nodes.add("ReduceMax" if config.pooling == "max" else "ReduceMean", x, axes=[1], keepdims=0)


def by_stream(nodes: Nodes, rows: str, features: int, bands: int = 0, to: str | None = None) -> str:
    """Separate the streams: (rows, features) → (streams, hop, features); `bands` adds an axis of bands before hop."""
    parts = [_axis(nodes, 0), *([nodes.integers(bands)] if bands else []), _axis(nodes, 1), nodes.integers(features)]
    return nodes.add("Reshape", rows, nodes.add("Concat", *parts, axis=0), to=to)


def _axis(nodes: Nodes, axis: int) -> str:
    """Return the length of an axis of the frames, as a list of one element."""
    return nodes.add("Shape", FRAMES, start=axis, end=axis + 1)


def tds_blocks(
    nodes: Nodes,
    x: str,
    config: TDSSizes,
    blocks: Iterable[tuple[nn.Module, nn.Module]],
    states: Iterable[str],
    bands: int = 0,
) -> str:
    """Apply TDS blocks, whose states are the newest kernel - 1 inputs of each convolution.

    Rows (rows, features) stay so. With `bands`, the rows of a stream are those of one band after the other, each with a
    context of its own.
    """
    time = 2 if bands else 1
    for name, (conv, fc) in zip(states, blocks, strict=True):
        assert isinstance(conv, TDSConvBlock)
        assert isinstance(fc, TDSFullyConnectedBlock)
        joined = nodes.add("Concat", name, by_stream(nodes, x, config.features, bands), axis=time)
        nodes.newest(joined, config.kernel - 1, time, to=state_output(name))
        x = nodes.norm(nodes.add("Add", x, convolve(nodes, joined, conv, bands)), conv.norm)
        y = nodes.linear(nodes.add("Relu", nodes.linear(x, fc.first)), fc.second)
        x = nodes.norm(nodes.add("Add", x, y), fc.norm)
    return x


def convolve(nodes: Nodes, x: str, block: TDSConvBlock, bands: int = 0) -> str:
    """Apply a convolution over time and a ReLU: (streams, [bands,] T, features) → (rows, features).

    Frames hold channel after channel, so time and channels together are one axis over which the convolution strides
    frame by frame: the input needs no transpose, and a hop is one product of all weights with all windows.
    """
    config = block.config
    groups = bands or 1
    # (N, B, T · C, W)
    x = nodes.reshape(x, 0, groups, -1, config.width)
    # (C, C, 1, K) → (C, 1, K · C, 1)
    size = (config.channels, 1, config.kernel * config.channels, 1)
    weight = block.conv.weight.movedim(3, 1).reshape(size)
    bias = cast(torch.Tensor, block.conv.bias)
    constants = nodes.constant(weight.repeat(groups, 1, 1, 1)), nodes.constant(bias.repeat(groups))
    y = nodes.add("Relu", nodes.add("Conv", x, *constants, strides=[config.channels, 1], group=groups))
    # (N, B · C, T, W) → (N, B, C, T, W)
    y = nodes.reshape(y, 0, groups, config.channels, -1, config.width)
    return nodes.reshape(nodes.add("Transpose", y, perm=[0, 1, 3, 2, 4]), -1, config.features)


def lstm(nodes: Nodes, x: str, model: SpatialLSTMEncoder, states: Sequence[tuple[str, str]]) -> str:
    """Apply LSTM layers: (rows, features) → (rows, directions · hidden).

    Args:
        nodes: The graph.
        x: Name of the input.
        model: The encoder.
        states: Names of (h, c) of each layer; empty where no state is carried.
    """
    config = model.config
    directions = ["", "_reverse"][: config.directions]
    # (N, T, F) → (T, N, F)
    x = nodes.add("Transpose", by_stream(nodes, x, config.features), perm=[1, 0, 2])
    for layer in range(config.layers):
        weights = [
            nodes.constant(torch.stack([_gates(getattr(model.lstm, f"weight_{kind}_l{layer}{d}")) for d in directions]))
            for kind in ("ih", "hh")
        ]
        bias = [
            torch.cat([_gates(getattr(model.lstm, f"bias_{kind}_l{layer}{d}")) for kind in ("ih", "hh")])
            for d in directions
        ]
        before = [nodes.add("Transpose", state, perm=[1, 0, 2]) for state in states[layer]] if states else []
        after = [f"{state}_by_direction" for state in states[layer]] if states else []
        outputs = [f"lstm_{layer}", *after]
        nodes.several(
            "LSTM",
            [x, *weights, nodes.constant(torch.stack(bias)), *(["", *before] if before else [])],
            outputs,
            hidden_size=config.hidden,
            direction="bidirectional" if config.bidirectional else "forward",
        )
        for state, carried in zip(states[layer] if states else [], after, strict=True):
            nodes.add("Transpose", carried, perm=[1, 0, 2], to=state_output(state))
        # (T, directions, N, H) → (T, N, directions, H)
        x = nodes.add("Transpose", outputs[0], perm=[0, 2, 1, 3])
        x = nodes.reshape(x, 0, 0, config.directions * config.hidden)
    return nodes.reshape(nodes.add("Transpose", x, perm=[1, 0, 2]), -1, config.directions * config.hidden)


def _gates(weight: torch.Tensor) -> torch.Tensor:
    """Reorder the gates from torch's order (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    into, forget, cell, out = weight.chunk(4)
    return torch.cat([into, out, forget, cell])


def normalise_rolling(nodes: Nodes, x: str, columns: int, decay: float, state: str) -> str:
    """Normalise (streams, hop, columns) over an exponentially fading past, as training.models.split_share does.

    The state (streams, 1, 2 · columns + 1) holds the weighted sums of x, x² and 1.
    """
    hop = nodes.add("Squeeze", _axis(nodes, 1))
    age = nodes.add("Range", nodes.constant(0, np.int64), hop, nodes.constant(1, np.int64))
    nodes.several("Cast", [age], ["age"], to=TensorProto.FLOAT)
    row, column = nodes.add("Unsqueeze", "age", nodes.integers(1)), nodes.add("Unsqueeze", "age", nodes.integers(0))
    older = nodes.add("Sub", row, column)
    base = nodes.constant(decay)
    zero = nodes.constant(0.0)
    weights = nodes.add("Where", nodes.add("Less", older, zero), zero, nodes.add("Pow", base, older))
    one = nodes.constant(np.ones((1, 1)))
    ones = nodes.add("Expand", one, nodes.add("Concat", nodes.add("Shape", x, end=2), nodes.integers(1), axis=0))
    terms = nodes.add("Concat", x, nodes.add("Mul", x, x), ones, axis=-1)
    fading = nodes.add("Pow", base, nodes.add("Add", row, one))
    sums = nodes.add("Add", nodes.add("MatMul", weights, terms), nodes.add("Mul", fading, state))
    nodes.newest(sums, 1, 1, to=state_output(state))

    def part(first: int, end: int) -> str:
        return nodes.add("Slice", sums, nodes.integers(first), nodes.integers(end), nodes.integers(2))

    weight = part(2 * columns, 2 * columns + 1)
    mean, square = (nodes.add("Div", part(i * columns, (i + 1) * columns), weight) for i in (0, 1))
    variance = nodes.add("Relu", nodes.add("Sub", square, nodes.add("Mul", mean, mean)))
    deviation = nodes.add("Sqrt", nodes.add("Add", variance, nodes.constant(VARIANCE_FLOOR)))
    return nodes.add("Div", nodes.add("Sub", x, mean), deviation)


def hand_frames(nodes: Nodes, config: SplitShareConfig, state: str) -> str:
    """Reduce frames to frequency bands, normalise and mirror: (streams · bands · hop, electrodes, frequency bands)."""
    columns = config.bands * config.electrodes * config.frequency_bands
    x = nodes.reshape(nodes.affine(FRAMES, band_weights(config).T, None), 0, 0, columns)
    x = normalise_rolling(nodes, x, columns, config.decay, state)
    x = nodes.add("Gather", x, nodes.constant(mirror_index(config), np.int64), axis=2)
    x = nodes.reshape(x, 0, 0, config.bands, config.electrodes * config.frequency_bands)
    x = nodes.add("Transpose", x, perm=[0, 2, 1, 3])
    return nodes.reshape(x, -1, config.electrodes, config.frequency_bands)
