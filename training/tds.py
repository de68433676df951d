"""The causal time-depth-separable (TDS) CTC encoder of the emg2qwerty paper, offline form.

Sources: Hannun et al. 2019, "Sequence-to-Sequence Speech Recognition with Time-Depth Separable Convolutions"
(arXiv 1904.02619); Sivakumar et al. 2024, "emg2qwerty: A Large Dataset with Baselines for Touch Typing using Surface
Electromyography" (NeurIPS 2024). Written from those descriptions.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.nn import functional

from decoder.charset import CLASSES
from decoder.errors import InputError
from decoder.strict import build
from training.encoder_base import Encoder


@dataclass(frozen=True, slots=True)
class TDSConfig:
    """Sizes of a `TDSEncoder`; the defaults are the paper's model (5,293,315 parameters)."""

    family: Literal["tds"] = "tds"
    bands: int = 2
    electrodes: int = 16
    """Electrodes per band, in ring order."""
    bins: int = 33
    """Frequency bins of the log-spectrogram."""
    mlp_features: int = 384
    """Outputs of the rotation-invariant MLP of one band."""
    offsets: tuple[int, ...] = (-1, 0, 1)
    """Electrode rolls over which the MLP's outputs are averaged: a band is put on ±1 electrode from last time."""
    channels: int = 24
    """Channels of the temporal convolutions; the features are viewed as channels × width."""
    kernel: int = 32
    """Frames that one convolution sees."""
    blocks: int = 4
    """Pairs of one convolution block and one fully connected block."""
    classes: int = CLASSES

    def __post_init__(self) -> None:
        for name in ("bands", "electrodes", "bins", "mlp_features", "channels", "kernel", "blocks", "classes"):
            if getattr(self, name) < 1:
                raise InputError(f"The TDS setting {name} is {getattr(self, name)}; it must be at least 1.")
        if not self.offsets:
            raise InputError("The TDS setting offsets is empty; name at least one electrode roll, e.g. 0 for none.")
        if self.features % self.channels:
            raise InputError(
                f"The TDS features ({self.bands} bands × {self.mlp_features} = {self.features}) do not divide into "
                f"{self.channels} channels; choose channels that divide them."
            )

    @property
    def features(self) -> int:
        """Features of one frame behind the MLPs."""
        return self.bands * self.mlp_features

    @property
    def width(self) -> int:
        """Positions over which one convolution's weights are shared."""
        return self.features // self.channels

    @property
    def receptive_field(self) -> int:
        """Frames that one emission sees, itself the newest."""
        return self.blocks * (self.kernel - 1) + 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON and checkpoints hold them."""
        return {**asdict(self), "offsets": list(self.offsets)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TDSConfig":
        """Inverse of `to_dict`; raises InputError for an unknown name or a value of another type."""
        return build(cls, values, "the TDS settings")


class RotationInvariantMLP(nn.Module):
    """Linear and ReLU over all electrodes and bins of one band, averaged over electrode rolls.

    (N, T, electrodes, bins), scaled and shifted per electrode before the rolls → (N, T, mlp_features).
    """

    def __init__(self, config: TDSConfig) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(config.electrodes * config.bins, config.mlp_features)  # electrode-major

    def forward(self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        weight, bias = self.rolled(scale, shift)
        y = functional.relu(functional.linear(x.flatten(-2), weight, bias))
        config = self.config
        return y.view(*y.shape[:-1], len(config.offsets), config.mlp_features).mean(-2)

    def rolled(self, scale: torch.Tensor, shift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The linear layer at all rolls as one: weight (offsets·mlp_features, electrodes·bins) and bias.

        Rolling the weights back gives the same products as rolling the frames on, in one matrix product; scale and
        shift (electrodes,) in the weights leave no gradient to compute for the frames, a third of a layer's work.
        """
        config = self.config
        weight = self.linear.weight.view(config.mlp_features, config.electrodes, config.bins)
        weight = torch.cat([weight.roll(-offset, dims=1) for offset in config.offsets])
        bias = self.linear.bias.repeat(len(config.offsets)) + (weight * shift[:, None]).sum((1, 2))
        return (weight * scale[:, None]).flatten(1), bias


class TDSConvBlock(nn.Module):
    """Convolution over time, ReLU, the newest input frames added, LayerNorm.

    (N, T, features) → (N, T - kernel + 1, features).
    """

    def __init__(self, config: TDSConfig) -> None:
        super().__init__()
        self.config = config
        self.conv = nn.Conv2d(config.channels, config.channels, (1, config.kernel))
        self.norm = nn.LayerNorm(config.features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.convolve(x))
        out: torch.Tensor = self.norm(y + x[:, -y.shape[1] :])
        return out

    def convolve(self, x: torch.Tensor) -> torch.Tensor:
        """What `self.conv` gives, over features: (N, T, C·W) → (N, T - kernel + 1, C·W).

        By Fourier transform over time: torch's conv2d is slow for kernels this long and thin, above all backwards.
        """
        config = self.config
        frames = x.shape[1]
        length = int(next_fast_len(frames, real=True))
        kernel = torch.fft.rfft(self.conv.weight[:, :, 0].flip(-1), n=length)  # flipped: torch's conv correlates
        spectrum = torch.fft.rfft(x, n=length, dim=1).view(len(x), -1, config.channels, config.width)
        product = torch.matmul(kernel.movedim(-1, 0), spectrum)  # (bins, C, C) · (N, bins, C, W) → (N, bins, C, W)
        y = torch.fft.irfft(product.flatten(-2), n=length, dim=1)
        y = y[:, config.kernel - 1 : frames]  # the earlier rows wrapped around
        out: torch.Tensor = y + cast(torch.Tensor, self.conv.bias).repeat_interleave(config.width)
        return out


class TDSFullyConnectedBlock(nn.Module):
    """Two linear layers with a ReLU between, the input added, LayerNorm: (N, T, features) → the same."""

    def __init__(self, config: TDSConfig) -> None:
        super().__init__()
        self.first = nn.Linear(config.features, config.features)
        self.second = nn.Linear(config.features, config.features)
        self.norm = nn.LayerNorm(config.features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.norm(x + self.second(functional.relu(self.first(x))))
        return out


class TDSEncoder(Encoder):
    """The paper's encoder (shapes as in Encoder). Causal: emission t sees the frames t .. t + receptive_field - 1."""

    family: ClassVar[str] = "tds"
    config: TDSConfig

    def __init__(self, config: TDSConfig) -> None:
        super().__init__()
        self.config = config
        # The affine half of the BatchNorm: see RotationInvariantMLP.rolled.
        self.input_norm = nn.BatchNorm2d(config.bands * config.electrodes, affine=False)
        self.scale = nn.Parameter(torch.ones(config.bands * config.electrodes))
        self.shift = nn.Parameter(torch.zeros(config.bands * config.electrodes))
        self.mlps = nn.ModuleList(RotationInvariantMLP(config) for _ in range(config.bands))
        self.conv_blocks = nn.ModuleList(TDSConvBlock(config) for _ in range(config.blocks))
        self.fc_blocks = nn.ModuleList(TDSFullyConnectedBlock(config) for _ in range(config.blocks))
        self.head = nn.Linear(config.features, config.classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Raises ValueError for frames of another shape, or fewer than the receptive field."""
        self.check_frames(frames)
        config = self.config
        count, length = frames.shape[:2]
        x = self.input_norm(frames.reshape(count * length, -1, config.bins, 1)).view(frames.shape)
        scale, shift = self.scale.view(config.bands, -1), self.shift.view(config.bands, -1)
        x = torch.cat([mlp(x[:, :, b], scale[b], shift[b]) for b, mlp in enumerate(self.mlps)], dim=-1)
        for conv, fc in zip(self.conv_blocks, self.fc_blocks, strict=True):
            x = fc(conv(x))
        return functional.log_softmax(self.head(x), dim=-1)
