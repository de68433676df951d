"""An encoder that all hands share: each hand's frames pass the same weights, and the hands join before the head.

Source: Hadidi et al. 2025, "SplashNet: Split-and-Share Encoders for Accurate and Efficient Typing with Surface
Electromyography" (arXiv 2506.12356): weight-shared hands, rolling time normalisation, 6 instead of 33 frequency bands.
The defaults are the sizes of its SplashNet-mini. Two things
differ: the window of the normalisation is exponential, so that no past frames need be carried, and the borders of the
frequency bands are our choice.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from messages.errors import InputError
from training.models.encoder_base import Encoder
from training.models.tds import RotationInvariantMLP, TDSSizes, apply_blocks, tds_blocks

VARIANCE_FLOOR = 0.01
"""Constant added to the variance of log10 power, so that a dead electrode gives 0, not noise.

The noise of a live electrode alone has a variance of 0.05 to 0.3.
"""
_BLOCK_FRAMES = 64
"""Number of frames that are normalised in one matrix product."""


@dataclass(frozen=True, slots=True)
class SplitShareConfig(TDSSizes):
    """Sizes of a `SplitShareEncoder`."""

    family: Literal["split_share"] = "split_share"
    borders: tuple[int, ...] = (0, 2, 4, 8, 12, 22, 33)
    """First bin of each frequency band, and the end of the last: at 2 kHz and 64 samples 62.5, 125, 250, ... Hz."""
    memory: int = 250
    """Number of frames after which the weight of a frame in the rolling normalisation has fallen to 1/e."""
    mirrored: tuple[int, ...] = (1,)
    """Bands whose ring runs the other way round, as the same device sits mirrored on the other wrist."""

    def __post_init__(self) -> None:
        TDSSizes.__post_init__(self)
        # Before the sizes of the input are known, 0 stands for them and nothing can be compared.
        if self.bins and list(self.borders) != sorted({*self.borders, 0, self.bins}):
            raise InputError(
                f"The split_share setting borders is {list(self.borders)}; expected rising bins from 0 to {self.bins}."
            )
        if self.bands and (unknown := set(self.mirrored) - set(range(self.bands))):
            raise InputError(
                f"The split_share setting mirrored names band {min(unknown)}; there are 0 to {self.bands - 1}."
            )

    @property
    def frequency_bands(self) -> int:
        """Number of frequency bands."""
        return len(self.borders) - 1

    @property
    def features(self) -> int:
        """Number of features of one hand's frame in the blocks."""
        return self.mlp_features

    @property
    def decay(self) -> float:
        """Factor by which the weight of a past frame in the normalisation falls from one frame to the next."""
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
        """Normalise the frames, encode each hand with the same weights and join them (see `Encoder.features`)."""
        config = self.config
        # (N, T, bands · electrodes · frequency bands)
        x = (frames @ band_weights(config).to(frames)).flatten(2)
        # Sums of squares need the precision of float32.
        with torch.autocast(x.device.type, enabled=False):
            x = normalise_rolling(x.float() if x.dtype.itemsize < 4 else x, config.decay)
        x = x[..., mirror_index(config).to(x.device)].view(*frames.shape[:4], -1)
        # Each band is an example of its own: (bands · N, T, electrodes, frequency bands).
        x = x.movedim(2, 0).flatten(0, 1)
        x = apply_blocks(self.conv_blocks, self.fc_blocks, self.mlp(x))
        # (bands · N, T, features) → (N, T, bands · features)
        x = x.view(config.bands, len(frames), -1, config.features).movedim(0, 2)
        return x.flatten(2)


def band_weights(config: SplitShareConfig) -> torch.Tensor:
    """Return the (bins, frequency bands) weights that average the log power of each frequency band."""
    weights = torch.zeros(config.bins, config.frequency_bands)
    for band, (first, end) in enumerate(zip(config.borders, config.borders[1:], strict=False)):
        weights[first:end, band] = 1 / (end - first)
    return weights


def mirror_index(config: SplitShareConfig) -> torch.Tensor:
    """Return the index over (bands · electrodes · frequency bands) that makes mirrored bands look like the others."""
    index = torch.arange(config.bands * config.electrodes * config.frequency_bands)
    index = index.view(config.bands, config.electrodes, -1)
    for band in config.mirrored:
        # Electrode 0 keeps its place.
        index[band] = index[band].flip(0).roll(1, 0)
    return index.flatten()


@torch.no_grad()
def normalise_rolling(x: torch.Tensor, decay: float) -> torch.Tensor:
    """Subtract each column's mean and divide by its standard deviation, over an exponentially fading past.

    The past of a frame includes the frame itself. The weighted sums of x and x² up to a frame are those of the frame
    before, times the decay, plus its own. They are computed for a block of frames as one matrix product, as in the
    streaming graph.

    Args:
        x: (N, T, columns).
        decay: Weight of a frame divided by the weight of its successor.
    """
    past_sums = x.new_zeros(len(x), 1, 2 * x.shape[2] + 1)
    parts = []
    for block in torch.split(x, _BLOCK_FRAMES, dim=1):
        age = torch.arange(block.shape[1], dtype=x.dtype, device=x.device)
        weights = torch.where(age[:, None] >= age, decay ** (age[:, None] - age), 0.0)
        terms = torch.cat([block, block.square(), torch.ones_like(block[..., :1])], dim=-1)
        sums = weights @ terms + decay ** (age[:, None] + 1) * past_sums
        past_sums = sums[:, -1:]
        mean, square = (sums[..., :-1] / sums[..., -1:]).chunk(2, dim=-1)
        parts.append((block - mean) / (square - mean.square()).clamp_min(0).add(VARIANCE_FLOOR).sqrt())
    return torch.cat(parts, dim=1)
