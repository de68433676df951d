"""One encoder for both hands: each hand's frames pass the same weights, and the hands join before the head.

Source: Hadidi et al. 2025, "SplashNet: Split-and-Share Encoders for Accurate and Efficient Typing with Surface
Electromyography" (arXiv 2506.12356): weight-shared hands, rolling time normalisation, 6 instead of 33 frequency bands.
The defaults are the sizes of its SplashNet-mini. Ours are the exponential window of the normalisation, which needs no
past frames to be carried, and the borders of the frequency bands.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from messages.errors import InputError
from training.models.encoder_base import Encoder
from training.models.tds import RotationInvariantMLP, TDSSizes, tds_blocks, through_blocks

VARIANCE_FLOOR = 0.01
"""Added to the variance of log10 power, whose noise alone has 0.05 to 0.3: a dead electrode gives 0, not noise."""
_BLOCK = 64  # frames normalised at once


@dataclass(frozen=True, slots=True)
class SplitShareConfig(TDSSizes):
    """Sizes of a `SplitShareEncoder`."""

    family: Literal["split_share"] = "split_share"
    borders: tuple[int, ...] = (0, 2, 4, 8, 12, 22, 33)
    """First bin of each frequency band, and the end of the last: at 2 kHz and 64 samples 62.5, 125, 250, ... Hz."""
    memory: int = 250
    """Frames after which what the rolling normalisation has seen counts 1/e."""
    mirrored: tuple[int, ...] = (1,)
    """Bands whose ring runs the other way round: the same device sits mirrored on the other wrist."""

    def __post_init__(self) -> None:
        TDSSizes.__post_init__(self)
        if list(self.borders) != sorted({*self.borders, 0, self.bins}):
            raise InputError(
                f"The split_share setting borders is {list(self.borders)}; expected rising bins from 0 to {self.bins}."
            )
        if strange := set(self.mirrored) - set(range(self.bands)):
            raise InputError(
                f"The split_share setting mirrored names band {min(strange)}; there are 0 to {self.bands - 1}."
            )

    @property
    def frequency_bands(self) -> int:
        """What is left of the bins."""
        return len(self.borders) - 1

    @property
    def features(self) -> int:
        """Features of one hand's frame in the blocks."""
        return self.mlp_features

    @property
    def decay(self) -> float:
        """What a frame's weight in the normalisation loses from one frame to the next."""
        return 1 - 1 / self.memory


class SplitShareEncoder(Encoder):
    """A TDS encoder applied to each hand (shapes as in Encoder). Causal.

    An emission sees the frames of its receptive field, and through their normalisation all before them.
    """

    family: ClassVar[str] = "split_share"
    config: SplitShareConfig

    def __init__(self, config: SplitShareConfig) -> None:
        super().__init__(config, config.bands * config.features)
        self.mlp = RotationInvariantMLP(config, config.frequency_bands)
        self.conv_blocks, self.fc_blocks = tds_blocks(config)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        config = self.config
        x = (frames @ reduction(config).to(frames)).flatten(2)  # (N, T, bands · electrodes · frequency bands)
        with torch.autocast(x.device.type, enabled=False):  # sums of squares need the precision of float32
            x = rolling_normalised(x.float() if x.dtype.itemsize < 4 else x, config.decay)
        x = x[..., places(config).to(x.device)].view(*frames.shape[:4], -1)
        x = x.movedim(2, 0).flatten(0, 1)  # the bands are examples of their own: (bands · N, T, electrodes, ...)
        x = through_blocks(self.conv_blocks, self.fc_blocks, self.mlp(x))
        x = x.view(config.bands, len(frames), -1, config.features).movedim(0, 2)
        return x.flatten(2)  # (N, T, bands, features) → (N, T, bands · features)


def reduction(config: SplitShareConfig) -> torch.Tensor:
    """(bins, frequency bands) weights: the mean log power of each band of frequencies."""
    weights = torch.zeros(config.bins, config.frequency_bands)
    for band, (first, end) in enumerate(zip(config.borders, config.borders[1:], strict=False)):
        weights[first:end, band] = 1 / (end - first)
    return weights


def places(config: SplitShareConfig) -> torch.Tensor:
    """Where each of (bands · electrodes · frequency bands) comes from so that mirrored bands look like the others."""
    index = torch.arange(config.bands * config.electrodes * config.frequency_bands)
    index = index.view(config.bands, config.electrodes, -1)
    for band in config.mirrored:
        index[band] = index[band].flip(0).roll(1, 0)  # electrode 0 keeps its place
    return index.flatten()


@torch.no_grad()
def rolling_normalised(x: torch.Tensor, decay: float) -> torch.Tensor:
    """Each column less its mean, by its standard deviation, over an exponentially fading past and itself.

    The weighted sums of x and x² up to a frame are those of the frame before times the decay, plus its own; here for a
    block of frames at once as one matrix product, as in the streaming graph.

    Args:
        x: (N, T, columns).
        decay: Weight of a frame by that of its successor.
    """
    seen = x.new_zeros(len(x), 1, 2 * x.shape[2] + 1)
    parts = []
    for block in torch.split(x, _BLOCK, dim=1):
        age = torch.arange(block.shape[1], dtype=x.dtype, device=x.device)
        weights = torch.where(age[:, None] >= age, decay ** (age[:, None] - age), 0.0)
        terms = torch.cat([block, block.square(), torch.ones_like(block[..., :1])], dim=-1)
        sums = weights @ terms + decay ** (age[:, None] + 1) * seen
        seen = sums[:, -1:]
        mean, square = (sums[..., :-1] / sums[..., -1:]).chunk(2, dim=-1)
        parts.append((block - mean) / (square - mean.square()).clamp_min(0).add(VARIANCE_FLOOR).sqrt())
    return torch.cat(parts, dim=1)
