"""The causal time-depth-separable (TDS) CTC encoder of the emg2qwerty paper, offline form.

Sources: Hannun et al. 2019, "Sequence-to-Sequence Speech Recognition with Time-Depth Separable Convolutions"
(arXiv 1904.02619); Sivakumar et al. 2024, "emg2qwerty: A Large Dataset with Baselines for Touch Typing using Surface
Electromyography" (NeurIPS 2024). Written from those descriptions.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.nn import functional

from messages.errors import InputError
from training.models.encoder_base import EncoderConfig, NormalisingEncoder


@dataclass(frozen=True, slots=True)
class MLPSizes(EncoderConfig):
    """Sizes of the rotation-invariant MLPs, which all families have."""

    mlp_features: int = 384
    """Outputs of the MLP of one band."""
    offsets: tuple[int, ...] = (-1, 0, 1)
    """Electrode rolls over which the MLP's outputs are pooled: a band is put on ±1 electrode from last time."""
    pooling: Literal["mean", "max"] = "mean"

    def __post_init__(self) -> None:
        EncoderConfig.__post_init__(self)  # the bare super() does not find the class that slots=True makes anew
        if not self.offsets:
            raise InputError(
                f"The {self.family} setting offsets is empty; name at least one electrode roll, e.g. 0 for none."
            )

    @property
    def features(self) -> int:
        """Features of one frame in the blocks."""
        return self.bands * self.mlp_features


@dataclass(frozen=True, slots=True)
class TDSSizes(MLPSizes):
    """Sizes of the paper's encoder, common to all families that go on with TDS blocks."""

    channels: int = 24
    """Channels of the temporal convolutions; the features are viewed as channels × width."""
    kernel: int = 32
    """Frames that one convolution sees."""
    blocks: int = 4
    """Pairs of one convolution block and one fully connected block."""
    dropout: float = 0.0
    """Part of the hidden features of a fully connected block that is dropped in training."""

    def __post_init__(self) -> None:
        MLPSizes.__post_init__(self)
        if not 0 <= self.dropout < 1:
            raise InputError(f"The {self.family} setting dropout is {self.dropout:g}; expected 0 to below 1.")
        if self.features % self.channels:
            raise InputError(
                f"The {self.family} features ({self.features} from MLPs of {self.mlp_features}) do not divide into "
                f"{self.channels} channels; choose channels that divide them."
            )

    @property
    def width(self) -> int:
        """Positions over which one convolution's weights are shared."""
        return self.features // self.channels

    @property
    def receptive_field(self) -> int:
        """Frames that one emission sees, itself the newest."""
        return self.blocks * (self.kernel - 1) + 1


@dataclass(frozen=True, slots=True)
class TDSConfig(TDSSizes):
    """Sizes of a `TDSEncoder`; the defaults are the paper's model (5,293,315 parameters)."""

    family: Literal["tds"] = "tds"


class RotationInvariantMLP(nn.Module):
    """Linear and ReLU over all electrodes and bins of one band, pooled over electrode rolls.

    (N, T, electrodes, bins), scaled and shifted per electrode before the rolls → (N, T, mlp_features).
    """

    def __init__(self, config: MLPSizes, bins: int) -> None:
        """`bins` are the features of one electrode that enter."""
        super().__init__()
        self.config = config
        self.bins = bins
        self.linear = nn.Linear(config.electrodes * bins, config.mlp_features)  # electrode-major

    def forward(
        self, x: torch.Tensor, scale: torch.Tensor | None = None, shift: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.pooled(x, *self.rolled(self.weight, self.linear.bias, scale, shift))

    @property
    def weight(self) -> torch.Tensor:
        """The linear layer's weights (mlp_features, electrodes, bins)."""
        return self.linear.weight.view(-1, self.config.electrodes, self.bins)

    def rolled(
        self, weight: torch.Tensor, bias: torch.Tensor, scale: torch.Tensor | None, shift: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A linear layer at all rolls as one: weight (offsets·mlp_features, electrodes·bins) and bias.

        Rolling the weights back gives the same products as rolling the frames on, in one matrix product; scale and
        shift (electrodes,) in the weights leave no gradient to compute for the frames, a third of a layer's work.
        """
        offsets = self.config.offsets
        weight = torch.cat([weight.roll(-offset, dims=1) for offset in offsets])
        bias = bias.repeat(len(offsets))
        if shift is not None:
            bias = bias + (weight * shift[:, None]).sum((1, 2))
        return (weight if scale is None else weight * scale[:, None]).flatten(1), bias

    def pooled(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """(N, T, electrodes, bins) → (N, T, mlp_features) with the weights of all rolls."""
        y = functional.relu(functional.linear(x.flatten(-2), weight, bias))
        y = y.view(*y.shape[:-1], len(self.config.offsets), -1)
        return y.amax(-2) if self.config.pooling == "max" else y.mean(-2)


class TDSConvBlock(nn.Module):
    """Convolution over time, ReLU, the newest input frames added, LayerNorm.

    (N, T, features) → (N, T - kernel + 1, features).
    """

    def __init__(self, config: TDSSizes) -> None:
        super().__init__()
        self.config = config
        self.conv = nn.Conv2d(config.channels, config.channels, (1, config.kernel))
        self.norm = nn.LayerNorm(config.features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):  # Fourier transforms know no half precision
            y = functional.relu(self.convolve(x.to(self.conv.weight.dtype)))
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

    def __init__(self, config: TDSSizes) -> None:
        super().__init__()
        self.first = nn.Linear(config.features, config.features)
        self.dropout = nn.Dropout(config.dropout)
        self.second = nn.Linear(config.features, config.features)
        self.norm = nn.LayerNorm(config.features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.norm(x + self.second(self.dropout(functional.relu(self.first(x)))))
        return out


def tds_blocks(config: TDSSizes) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The convolution blocks and the fully connected blocks of an encoder, in pairs."""
    conv_blocks = nn.ModuleList(TDSConvBlock(config) for _ in range(config.blocks))
    return conv_blocks, nn.ModuleList(TDSFullyConnectedBlock(config) for _ in range(config.blocks))


def through_blocks(conv_blocks: nn.ModuleList, fc_blocks: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    """(N, T, features) → (N, T - receptive_field + 1, features)."""
    for conv, fc in zip(conv_blocks, fc_blocks, strict=True):
        x = fc(conv(x))
    return x


class TDSEncoder(NormalisingEncoder):
    """The paper's encoder (shapes as in Encoder). Causal: emission t sees the frames t .. t + receptive_field - 1."""

    family: ClassVar[str] = "tds"
    config: TDSConfig

    def __init__(self, config: TDSConfig) -> None:
        super().__init__(config, config.features)
        self.mlps = nn.ModuleList(RotationInvariantMLP(config, config.bins) for _ in range(config.bands))
        self.conv_blocks, self.fc_blocks = tds_blocks(config)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        x = self.standardised(frames)
        scale, shift = self.scale.view(self.config.bands, -1), self.shift.view(self.config.bands, -1)
        x = torch.cat([mlp(x[:, :, b], scale[b], shift[b]) for b, mlp in enumerate(self.mlps)], dim=-1)
        return through_blocks(self.conv_blocks, self.fc_blocks, x)
