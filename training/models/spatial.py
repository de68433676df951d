"""The spatial front, and the TDS encoder behind it.

Source: the architecture of the fork zberman1234/emg2qwerty as its published layer sizes and state-dict shapes tell it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import nn
from torch.nn import functional

from training.models.encoder_base import NormalisingEncoder
from training.models.tds import MLPSizes, RotationInvariantMLP, TDSSizes, apply_blocks, tds_blocks

NEIGHBOURS = (-1, 0, 1)
"""Places on the ring that the spatial convolution sees, in the order of its kernel."""


@dataclass(frozen=True, slots=True)
class SpatialTDSConfig(TDSSizes):
    """Sizes of a `SpatialTDSEncoder`; the defaults are the published 5,285,219 parameters."""

    family: Literal["spatial_tds"] = "spatial_tds"
    spatial_features: int = 32
    """Features of one electrode after the ring convolution."""


class SpatialFront(nn.Module):
    """A linear layer over each electrode's bins, a convolution around the ring, and an MLP per band.

    All bands share the linear layer and the convolution.

    (N, T, bands, electrodes, bins) → (N, T, bands · mlp_features).
    """

    def __init__(self, config: MLPSizes, features: int) -> None:
        """Make the layers; `features` is the number of features of one electrode."""
        super().__init__()
        self.linear = nn.Linear(config.bins, features)
        self.conv = nn.Conv1d(features, features, len(NEIGHBOURS))
        self.mlps = nn.ModuleList(RotationInvariantMLP(config, features) for _ in range(config.bands))

    def forward(self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Return the features of all bands; scale and shift (bands, electrodes) apply to the frames first."""
        features = []
        for band, mlp in enumerate(self.mlps):
            assert isinstance(mlp, RotationInvariantMLP)
            weight, bias = mlp.roll_layer(*self.fold_into(mlp), scale[band], shift[band])
            features.append(mlp.pool(x[:, :, band], weight, bias))
        return torch.cat(features, dim=-1)

    def convolve_ring(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the input of the MLPs: (..., electrodes, bins) → (..., electrodes, features).

        A ring has no end: rolled electrodes give the same output, rolled by as much.
        """
        x = self.linear(x)
        x = torch.cat([x.roll(-place, dims=-2) for place in NEIGHBOURS], dim=-1)
        return functional.linear(x, self.kernel, self.conv.bias)

    def fold_into(self, mlp: RotationInvariantMLP) -> tuple[torch.Tensor, torch.Tensor]:
        """Fold the front into an MLP's linear layer: weight (mlp_features, electrodes, bins) and bias.

        Everything is linear up to the MLP's ReLU. So a training step costs what it costs without a front, half as much
        as with `convolve_ring` (benchmarks/encoder_families.py times the graphs, which read the smaller weights one by
        one).
        """
        taps = self.conv.weight.unbind(-1)
        weight = sum(mlp.weight.roll(place, dims=1) @ tap for place, tap in zip(NEIGHBOURS, taps, strict=True))
        assert isinstance(weight, torch.Tensor)
        everywhere = cast(torch.Tensor, self.conv.bias) + self.conv.weight.sum(-1) @ self.linear.bias
        return weight @ self.linear.weight, mlp.linear.bias + mlp.weight.sum(1) @ everywhere

    @property
    def kernel(self) -> torch.Tensor:
        """The convolution's weights: (features, neighbours · features)."""
        # (out, in, place) → (out, place · in)
        return self.conv.weight.transpose(1, 2).flatten(1)


class SpatialEncoder(NormalisingEncoder):
    """An encoder whose frames pass the BatchNorm and the spatial front."""

    def __init__(self, config: MLPSizes, spatial_features: int, head_features: int) -> None:
        super().__init__(config, head_features)
        self.front = SpatialFront(config, spatial_features)

    def apply_front(self, frames: torch.Tensor) -> torch.Tensor:
        """Normalise the frames and apply the front: (N, T, bands, electrodes, bins) → (N, T, bands · mlp_features)."""
        scale, shift = self.scale.view(self.config.bands, -1), self.shift.view(self.config.bands, -1)
        features: torch.Tensor = self.front(self.standardise(frames), scale, shift)
        return features


class SpatialTDSEncoder(SpatialEncoder):
    """TDS behind a spatial front (shapes as in Encoder). Causal."""

    family: ClassVar[str] = "spatial_tds"
    config: SpatialTDSConfig

    def __init__(self, config: SpatialTDSConfig) -> None:
        super().__init__(config, config.spatial_features, config.features)
        self.conv_blocks, self.fc_blocks = tds_blocks(config)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Apply the front and the TDS blocks (shapes as in `Encoder.features`)."""
        return apply_blocks(self.conv_blocks, self.fc_blocks, self.apply_front(frames))
