"""What every encoder family has in common."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self, cast

import torch
from torch import nn
from torch.nn import functional

from messages.charset import CLASSES
from messages.errors import InputError
from messages.tables import build


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes of an encoder; each family adds its own, and a Literal `family` by which a table names it."""

    family: str = ""
    """Key of training.models.families.FAMILIES."""
    bands: int = 2
    electrodes: int = 16
    """Electrodes per band, in ring order."""
    bins: int = 33
    """Frequency bins of the log-spectrogram."""
    classes: int = CLASSES
    """Keys and the CTC blank."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is int and value < 1:
                raise InputError(f"The {self.family} setting {each.name} is {value}; it must be at least 1.")

    @property
    def receptive_field(self) -> int:
        """Frames that the first emission needs, the newest of which it is made at."""
        raise NotImplementedError

    @property
    def streams(self) -> bool:
        """Whether an emission needs no frame behind its own."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON and checkpoints hold them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; raises InputError for an unknown name or a value of another type."""
        return build(cls, values, f"the settings {cls.__name__}")


class Encoder(nn.Module):
    """Log-spectrogram frames → log-probabilities of the keys and the CTC blank.

    (N, T, bands, electrodes, bins) → (N, T - context, classes), natural log. Emission k is made at frame k + context;
    it sees no later one where the config says `streams`.
    """

    family: ClassVar[str]

    def __init__(self, config: EncoderConfig, features: int) -> None:
        """`features` enter the head, the last linear layer."""
        super().__init__()
        self.config = config
        self.head = nn.Linear(features, config.classes)

    @property
    def context(self) -> int:
        """Frames that the output lacks at its start."""
        return self.config.receptive_field - 1

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Raises ValueError for frames of another shape, or too few for one emission."""
        return functional.log_softmax(self.head(self.features(frames)), dim=-1)

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """What enters the head: (N, T, bands, electrodes, bins) → (N, T - context, features)."""
        config = self.config
        _, length, *rest = frames.shape
        if rest != [config.bands, config.electrodes, config.bins] or length <= self.context:
            raise ValueError(
                f"frames of shape {tuple(frames.shape)} do not fit (N, T > {self.context}, {config.bands}, "
                f"{config.electrodes}, {config.bins})"
            )
        return self.encode(frames)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """What a family does between frames and head (shapes as in `features`)."""
        raise NotImplementedError

    def plausible_frames(self, count: int, rng: torch.Generator) -> torch.Tensor:
        """(count, bands, electrodes, bins) of noise at the level that the encoder was trained on."""
        config = self.config
        return torch.randn(count, config.bands, config.electrodes, config.bins, generator=rng)

    def reset_head(self, classes: int) -> None:
        """A new head with random weights for another number of classes, the blank among them."""
        self.head = nn.Linear(self.head.in_features, classes)
        self.config = replace(self.config, classes=classes)

    def to_dict(self) -> dict[str, Any]:
        """What `training.models.families.make_encoder` makes another one of the same sizes from."""
        return self.config.to_dict()


class NormalisingEncoder(Encoder):
    """An encoder that begins with a BatchNorm over electrodes, as the paper's does."""

    def __init__(self, config: EncoderConfig, features: int) -> None:
        super().__init__(config, features)
        # The affine half of the BatchNorm stands apart: TDS takes it into its first weights (RotationInvariantMLP).
        self.input_norm = nn.BatchNorm2d(config.bands * config.electrodes, affine=False)
        self.scale = nn.Parameter(torch.ones(config.bands * config.electrodes))
        self.shift = nn.Parameter(torch.zeros(config.bands * config.electrodes))

    def standardised(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames with mean 0 and variance 1 per electrode, of the batch in training, of the training set otherwise."""
        count, length = frames.shape[:2]
        x: torch.Tensor = self.input_norm(frames.reshape(count * length, -1, self.config.bins, 1))
        return x.view(frames.shape)

    def plausible_frames(self, count: int, rng: torch.Generator) -> torch.Tensor:
        noise = super().plausible_frames(count, rng).flatten(1, 2)
        mean, var = cast(torch.Tensor, self.input_norm.running_mean), cast(torch.Tensor, self.input_norm.running_var)
        return (mean[:, None] + var[:, None].sqrt() * noise).view(count, self.config.bands, -1, self.config.bins)
