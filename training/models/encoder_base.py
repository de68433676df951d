"""The base class and the settings that every encoder family shares."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self, cast

import torch
from torch import nn
from torch.nn import functional

from messages.charset import CLASSES
from messages.errors import InputError
from messages.signal import Layout
from messages.tables import build

_INPUT_SIZES = ("bands", "electrodes", "bins")


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes of an encoder; each family adds its own, and a Literal `family` by which a table names it.

    The sizes of the input are those of the frames that the encoder is trained on: `for_frames` fills them in.
    """

    family: str = ""
    """Key of training.models.families.FAMILIES."""
    bands: int = 0
    """Number of bands; 0: not known yet."""
    electrodes: int = 0
    """Electrodes per band, in ring order; 0: not known yet."""
    bins: int = 0
    """Frequency bins of the log-spectrogram; 0: not known yet."""
    classes: int = CLASSES
    """Keys and the CTC blank."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value, least = getattr(self, each.name), 0 if each.name in _INPUT_SIZES else 1
            if type(value) is int and value < least:
                raise InputError(f"The {self.family} setting {each.name} is {value}; it must be at least {least}.")

    @property
    def receptive_field(self) -> int:
        """Frames that the first emission needs; it is made at the newest of them."""
        raise NotImplementedError

    @property
    def streams(self) -> bool:
        """True if an emission needs no frame after its own."""
        return True

    def for_frames(self, layout: Layout, bins: int) -> Self:
        """Return these sizes for the frames of a layout, whose spectra have `bins` bins.

        Raises:
            InputError: A size of the input is stated and differs, or the other sizes do not fit it.
        """
        sizes = {"bands": layout.bands, "electrodes": layout.electrodes, "bins": bins}
        for name, size in sizes.items():
            if (stated := getattr(self, name)) not in (0, size):
                raise InputError(
                    f"The {self.family} setting {name} is {stated}, but the sessions have {size}; leave it out."
                )
        return replace(self, bands=layout.bands, electrodes=layout.electrodes, bins=bins)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON and checkpoints hold them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Invert `to_dict`; raises InputError for an unknown name or a value of another type."""
        return build(cls, values, f"the settings {cls.__name__}")


class Encoder(nn.Module):
    """Log-spectrogram frames → log-probabilities of the keys and the CTC blank.

    (N, T, bands, electrodes, bins) → (N, T - context, classes), natural log. Emission k is made at frame k + context;
    it sees no later frame where the config says `streams`. The names of the attributes that hold weights are those of
    the tensors in checkpoints.
    """

    family: ClassVar[str]

    def __init__(self, config: EncoderConfig, features: int) -> None:
        """Make the head, the last linear layer.

        Args:
            config: Sizes, those of the input included.
            features: Features that enter the head.

        Raises:
            InputError: The sizes of the input are not known.
        """
        super().__init__()
        if unknown := [name for name in _INPUT_SIZES if not getattr(config, name)]:
            raise InputError(
                f"The {config.family} settings do not state {', '.join(unknown)}; name the sizes of the frames."
            )
        self.config = config
        self.head = nn.Linear(features, config.classes)

    @property
    def context(self) -> int:
        """Number of frames by which the output is shorter than the input, at its start."""
        return self.config.receptive_field - 1

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the log-probabilities; raises ValueError for frames of another shape, or too few for one emission."""
        return functional.log_softmax(self.head(self.features(frames)), dim=-1)

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """Compute the input of the head: (N, T, bands, electrodes, bins) → (N, T - context, features)."""
        config = self.config
        _, length, *rest = frames.shape
        if rest != [config.bands, config.electrodes, config.bins] or length <= self.context:
            raise ValueError(
                f"frames of shape {tuple(frames.shape)} do not fit (N, T > {self.context}, {config.bands}, "
                f"{config.electrodes}, {config.bins})"
            )
        return self.encode(frames)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Apply the layers between frames and head, which each family defines (shapes as in `features`)."""
        raise NotImplementedError

    def plausible_frames(self, count: int, rng: torch.Generator) -> torch.Tensor:
        """Draw (count, bands, electrodes, bins) of noise at the level that the encoder was trained on."""
        config = self.config
        return torch.randn(count, config.bands, config.electrodes, config.bins, generator=rng)

    def reset_head(self, classes: int) -> None:
        """Replace the head by one with random weights for another number of classes, the blank included."""
        self.head = nn.Linear(self.head.in_features, classes)
        self.config = replace(self.config, classes=classes)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings from which `families.make_encoder` makes an encoder of the same sizes."""
        return self.config.to_dict()


class NormalisingEncoder(Encoder):
    """An encoder that begins with a BatchNorm over electrodes, as the paper's does."""

    def __init__(self, config: EncoderConfig, features: int) -> None:
        super().__init__(config, features)
        # The affine half of the BatchNorm is separate: TDS folds it into its first weights (RotationInvariantMLP).
        self.input_norm = nn.BatchNorm2d(config.bands * config.electrodes, affine=False)
        self.scale = nn.Parameter(torch.ones(config.bands * config.electrodes))
        self.shift = nn.Parameter(torch.zeros(config.bands * config.electrodes))

    def standardise(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the frames with mean 0 and variance 1 per electrode.

        In training the statistics are those of the batch, otherwise those of the training set.
        """
        count, length = frames.shape[:2]
        x: torch.Tensor = self.input_norm(frames.reshape(count * length, -1, self.config.bins, 1))
        return x.view(frames.shape)

    def plausible_frames(self, count: int, rng: torch.Generator) -> torch.Tensor:
        """Draw noise with the mean and variance of the training set (shapes as in `Encoder.plausible_frames`)."""
        noise = super().plausible_frames(count, rng).flatten(1, 2)
        mean, var = cast(torch.Tensor, self.input_norm.running_mean), cast(torch.Tensor, self.input_norm.running_var)
        return (mean[:, None] + var[:, None].sqrt() * noise).view(count, self.config.bands, -1, self.config.bins)
