"""The LSTM encoder behind a spatial front.

Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; the architecture of the fork zberman1234/emg2qwerty as
its published layer sizes and state-dict shapes tell it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from training.models.spatial import SpatialEncoder
from training.models.tds import MLPSizes


@dataclass(frozen=True, slots=True)
class SpatialLSTMConfig(MLPSizes):
    """Sizes of a `SpatialLSTMEncoder`; the defaults are the published 2,909,187 parameters."""

    family: Literal["spatial_lstm"] = "spatial_lstm"
    spatial_features: int = 32
    """Features of one electrode after the ring convolution."""
    layers: int = 4
    hidden: int = 128
    """Features of one direction of a layer."""
    bidirectional: bool = True
    """True: the layers also run backwards, which needs the whole recording (replay). False: for live use."""

    @property
    def directions(self) -> int:
        """Number of directions: 2 for bidirectional layers, otherwise 1."""
        return 1 + self.bidirectional

    @property
    def receptive_field(self) -> int:
        """Always 1: an LSTM emits from the first frame on, and later emissions see all frames since."""
        return 1

    @property
    def streams(self) -> bool:
        """True if the layers run forwards alone."""
        return not self.bidirectional


class SpatialLSTMEncoder(SpatialEncoder):
    """LSTM layers, a fully connected block and a linear layer behind a spatial front (shapes as in Encoder)."""

    family: ClassVar[str] = "spatial_lstm"
    config: SpatialLSTMConfig

    def __init__(self, config: SpatialLSTMConfig) -> None:
        super().__init__(config, config.spatial_features, config.features)
        self.lstm = nn.LSTM(
            config.features, config.hidden, config.layers, batch_first=True, bidirectional=config.bidirectional
        )
        outputs = config.directions * config.hidden
        self.first = nn.Linear(outputs, outputs)
        self.second = nn.Linear(outputs, outputs)
        self.norm = nn.LayerNorm(outputs)
        self.out = nn.Linear(outputs, config.features)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Apply front, LSTM and fully connected layers (shapes as in `Encoder.features`)."""
        x, _ = self.lstm(self.apply_front(frames))
        x = self.norm(x + self.second(functional.relu(self.first(x))))
        features: torch.Tensor = self.out(x)
        return features
