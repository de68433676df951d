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
    """Electrode rolls over which the MLP's outputs are pooled: a band is put on within ±1 electrode of last time."""
    pooling: Literal["mean", "max"] = "mean"

    def __post_init__(self) -> None:
        # A bare super() does not find the class that slots=True creates anew.
        EncoderConfig.__post_init__(self)
        if not self.offsets:
            raise InputError(
                f"The {self.family} setting offsets is empty; name at least one electrode roll, e.g. 0 for none."
            )

    @property
    def features(self) -> int:
        """Number of features of one frame in the blocks."""
        return self.bands * self.mlp_features


@dataclass(frozen=True, slots=True)
class TDSSizes(MLPSizes):
    """Sizes of the paper's encoder, common to all families with TDS blocks."""

    channels: int = 24
    """Channels of the temporal convolutions; the features are viewed as channels × width."""
    kernel: int = 32
    """Frames that one convolution sees."""
    blocks: int = 4
    """Pairs of one convolution block and one fully connected block."""
    dropout: float = 0.0
    """Share of the hidden features of a fully connected block that is dropped in training."""

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
        """Number of positions over which the weights of a convolution are shared."""
        return self.features // self.channels

    @property
    def receptive_field(self) -> int:
        """Number of frames that one emission sees, its own frame the newest."""
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
        """Make the linear layer; `bins` is the number of features of one electrode."""
        super().__init__()
        self.config = config
        self.bins = bins
        # Electrode-major: all bins of electrode 0 first.
        self.linear = nn.Linear(config.electrodes * bins, config.mlp_features)

    def forward(
        self, x: torch.Tensor, scale: torch.Tensor | None = None, shift: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the pooled features of frames x; scale and shift (electrodes,) apply to the frames first."""
        return self.pool(x, *self.roll_layer(self.weight, self.linear.bias, scale, shift))

    @property
    def weight(self) -> torch.Tensor:
        """The linear layer's weights (mlp_features, electrodes, bins)."""
        return self.linear.weight.view(-1, self.config.electrodes, self.bins)

    def roll_layer(
        self, weight: torch.Tensor, bias: torch.Tensor, scale: torch.Tensor | None, shift: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Join a linear layer at all rolls into one: weight (offsets · mlp_features, electrodes · bins) and bias.

        Rolling the weights back gives the same products as rolling the frames forwards, in one matrix product. With
        scale and shift (electrodes,) in the weights, no gradient of the frames is needed, a third of a layer's work.
        """
        offsets = self.config.offsets
        weight = torch.cat([weight.roll(-offset, dims=1) for offset in offsets])
        bias = bias.repeat(len(offsets))
        if shift is not None:
            bias = bias + (weight * shift[:, None]).sum((1, 2))
        return (weight if scale is None else weight * scale[:, None]).flatten(1), bias

    def pool(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Apply the weights of all rolls and pool them: (N, T, electrodes, bins) → (N, T, mlp_features)."""
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
        """Return the block's output, in the precision of its weights."""
        # Fourier transforms support no half precision.
        with torch.autocast(x.device.type, enabled=False):
            y = functional.relu(self.convolve(x.to(self.conv.weight.dtype)))
        out: torch.Tensor = self.norm(y + x[:, -y.shape[1] :])
        return out

    def convolve(self, x: torch.Tensor) -> torch.Tensor:
        """Apply `self.conv` to features: (N, T, C·W) → (N, T - kernel + 1, C·W).

        The convolution is a product of Fourier transforms over time, because torch's conv2d is slow for kernels this
        long and thin, above all in the backward pass.
        """
        config = self.config
        frames = x.shape[1]
        length = int(next_fast_len(frames, real=True))
        # The kernel is flipped because torch's convolution correlates.
        kernel = torch.fft.rfft(self.conv.weight[:, :, 0].flip(-1), n=length)
        spectrum = torch.fft.rfft(x, n=length, dim=1).view(len(x), -1, config.channels, config.width)
        # (bins, C, C) · (N, bins, C, W) → (N, bins, C, W)
        product = torch.matmul(kernel.movedim(-1, 0), spectrum)
        y = torch.fft.irfft(product.flatten(-2), n=length, dim=1)
        # The earlier rows wrapped around.
        y = y[:, config.kernel - 1 : frames]
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
        """Return the block's output."""
        out: torch.Tensor = self.norm(x + self.second(self.dropout(functional.relu(self.first(x)))))
        return out


def tds_blocks(config: TDSSizes) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Make the convolution blocks and the fully connected blocks of an encoder; they are applied in pairs."""
    conv_blocks = nn.ModuleList(TDSConvBlock(config) for _ in range(config.blocks))
    return conv_blocks, nn.ModuleList(TDSFullyConnectedBlock(config) for _ in range(config.blocks))


def apply_blocks(conv_blocks: nn.ModuleList, fc_blocks: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    """Apply pairs of blocks: (N, T, features) → (N, T - receptive_field + 1, features)."""
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
        """Normalise the frames and apply the MLP of each band and the blocks (shapes as in `Encoder.features`)."""
        x = self.standardise(frames)
        scale, shift = self.scale.view(self.config.bands, -1), self.shift.view(self.config.bands, -1)
        x = torch.cat([mlp(x[:, :, b], scale[b], shift[b]) for b, mlp in enumerate(self.mlps)], dim=-1)
        return apply_blocks(self.conv_blocks, self.fc_blocks, x)
