"""A builder of ONNX graphs, node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper


class Nodes:
    """The nodes and constants of a graph that is being built; each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: torch.Tensor | npt.ArrayLike, dtype: type = np.float32) -> str:
        """Add a tensor of fixed values."""
        name = f"constant_{len(self.constants)}"
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype, order="C"), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant list of int64: axes, shapes, borders."""
        return self.constant(values, np.int64)

    def add(self, kind: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """Add a node with one output, named `to` if given."""
        to = to or f"{kind}_{len(self.nodes)}"
        self.several(kind, inputs, [to], **attributes)
        return to

    def several(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        """Add a node with several outputs; "" stands for an omitted input."""
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape as torch does, except that 0 keeps an axis as it is."""
        return self.add("Reshape", x, self.integers(*shape))

    def linear(self, x: str, layer: torch.nn.Linear) -> str:
        """Apply a torch layer to the last axis."""
        return self.affine(x, layer.weight, layer.bias)

    def affine(self, x: str, weight: torch.Tensor, bias: torch.Tensor | None) -> str:
        """Compute x · weightᵀ + bias over the last axis."""
        # MatMul, not Gemm: the runtime pre-packs the weights of MatMul, and quantisers support it.
        y = self.add("MatMul", x, self.constant(weight.T))
        return y if bias is None else self.add("Add", y, self.constant(bias))

    def norm(self, x: str, layer: torch.nn.LayerNorm) -> str:
        """Apply a torch LayerNorm to the last axis."""
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        return self.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=layer.eps)

    def newest(self, x: str, count: int, axis: int, to: str | None = None) -> str:
        """Take the last `count` elements along an axis."""
        return self.add("Slice", x, self.integers(-count), self.integers(2**31 - 1), self.integers(axis), to=to)
