"""What every encoder family has in common."""

from typing import Any, ClassVar, Protocol

import torch
from torch import nn


class EncoderConfig(Protocol):
    """Sizes of an encoder; each family has its own frozen dataclass of them, with its name as `family`."""

    @property
    def family(self) -> str:
        """Key of FAMILIES."""

    @property
    def bands(self) -> int:
        """Bands of electrodes."""

    @property
    def electrodes(self) -> int:
        """Electrodes per band, in ring order."""

    @property
    def bins(self) -> int:
        """Frequency bins of the log-spectrogram."""

    @property
    def classes(self) -> int:
        """Keys and the CTC blank."""

    @property
    def receptive_field(self) -> int:
        """Frames that the first emission needs, and the newest of which it is made at."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON and checkpoints hold them; `family` among them."""


class Encoder(nn.Module):
    """Log-spectrogram frames → log-probabilities of the keys and the CTC blank.

    (N, T, bands, electrodes, bins) → (N, T - context, classes), natural log. Emission k is made at frame k + context:
    that is the newest frame it sees, unless the family looks ahead.
    """

    family: ClassVar[str]
    config: EncoderConfig

    @property
    def context(self) -> int:
        """Frames that the output lacks at its start."""
        return self.config.receptive_field - 1

    def to_dict(self) -> dict[str, Any]:
        """What `training.families.make_encoder` makes another one of the same sizes from."""
        return self.config.to_dict()

    def check_frames(self, frames: torch.Tensor) -> None:
        """Raise ValueError for frames of another shape, or too few for one emission."""
        config = self.config
        _, length, *rest = frames.shape
        if rest != [config.bands, config.electrodes, config.bins] or length <= self.context:
            raise ValueError(
                f"frames of shape {tuple(frames.shape)} do not fit (N, T > {self.context}, {config.bands}, "
                f"{config.electrodes}, {config.bins})"
            )
