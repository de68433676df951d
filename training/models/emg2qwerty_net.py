"""The paper's model under the constructor arguments of braindecode's EMG2QwertyNet: raw samples in, emissions out.

The names and defaults of arguments and methods are those of its documentation; the model is training.models.tds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.tables import build
from training.models.features import LogSpectrogram
from training.models.tds import TDSConfig, TDSEncoder


@dataclass(frozen=True, slots=True)
class EMG2QwertyNetConfig:
    """Constructor arguments of EMG2QwertyNet, with the defaults that braindecode documents for it."""

    n_outputs: int = 99
    n_chans: int = 32
    sfreq: float = 2000.0
    num_bands: int = 2
    electrodes_per_band: int = 16
    n_fft: int = 64
    hop_length: int = 16
    log_eps: float = 1e-6
    mlp_features: tuple[int, ...] = (384,)
    rotation_offsets: tuple[int, ...] = (-1, 0, 1)
    pooling: str = "mean"
    block_channels: tuple[int, ...] = (24, 24, 24, 24)
    kernel_width: int = 32
    log_softmax: bool = False
    """True: return log-probabilities instead of logits."""
    activation: str = "ReLU"
    """Activation function; others than the paper's are refused."""
    drop_prob: float = 0.0
    n_times: int | None = None
    """Samples per window; only `get_output_shape` needs them."""
    input_window_seconds: float | None = None
    """Length of a window in seconds, instead of `n_times`."""

    def __post_init__(self) -> None:
        if self.n_chans != self.num_bands * self.electrodes_per_band:
            raise InputError(
                f"n_chans is {self.n_chans}, but {self.num_bands} bands of {self.electrodes_per_band} electrodes have "
                f"{self.num_bands * self.electrodes_per_band} channels; correct one of the three."
            )
        if len(self.mlp_features) != 1:
            raise InputError(f"mlp_features has {len(self.mlp_features)} layers; expected one, as in the paper.")
        if len(set(self.block_channels)) != 1:
            raise InputError(
                f"block_channels is {list(self.block_channels)}; expected the same number of channels in every block."
            )
        # Saved configs name the activation with its module.
        if self.activation.rpartition(".")[2] != "ReLU":
            raise InputError(f"activation is {self.activation}; expected ReLU, as in the paper.")
        if self.sfreq <= 0:
            raise InputError(f"sfreq is {self.sfreq:g} samples per second; expected more than 0.")
        if None not in (self.n_times, self.input_window_seconds) and self.n_times != self.window:
            raise InputError(
                f"n_times is {self.n_times}, but {self.input_window_seconds:g} s are {self.window} samples; leave one "
                "out."
            )
        # Building the two configs also refuses impossible constants and sizes.
        least = self.stft.samples(self.encoder.receptive_field)
        if self.window is not None and self.window < least:
            raise InputError(
                f"The window has {self.window} samples, but one emission sees {least}; name a longer window or "
                "smaller kernels."
            )

    @property
    def window(self) -> int | None:
        """Samples per window; None: not stated."""
        if self.input_window_seconds is None:
            return self.n_times
        return round(self.input_window_seconds * self.sfreq)

    @property
    def stft(self) -> StftFacts:
        """Constants of the front end."""
        return StftFacts(window=self.n_fft, hop=self.hop_length, floor=self.log_eps)

    @property
    def encoder(self) -> TDSConfig:
        """Sizes of the encoder."""
        sizes: dict[str, Any] = {
            "bands": self.num_bands,
            "electrodes": self.electrodes_per_band,
            "bins": self.stft.bins,
            "classes": self.n_outputs,
            "mlp_features": self.mlp_features[0],
            "offsets": self.rotation_offsets,
            "pooling": self.pooling,
            "channels": self.block_channels[0],
            "kernel": self.kernel_width,
            "blocks": len(self.block_channels),
            "dropout": self.drop_prob,
        }
        return TDSConfig.from_dict(sizes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EMG2QwertyNetConfig":
        """Invert `to_dict`; raises InputError for an unknown name or an impossible combination."""
        return build(cls, values, "the arguments of EMG2QwertyNet")


class EMG2QwertyNet(nn.Module):
    """Raw samples (B, channels, N) in µV, left band first → (B, emissions, n_outputs) logits or log-probabilities."""

    def __init__(self, **arguments: Any) -> None:
        """Make the model; the arguments are the fields of EMG2QwertyNetConfig.

        Raises:
            InputError: An argument is unknown, or the arguments contradict each other.
        """
        super().__init__()
        self.config = EMG2QwertyNetConfig.from_dict(arguments)
        self.spectrogram = LogSpectrogram(self.config.stft)
        self.encoder = TDSEncoder(self.config.encoder)

    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor | dict[str, torch.Tensor | None]:
        """Return the logits or log-probabilities of windows.

        With `return_features`: {"features": (B, emissions, num_features), "cls_token": None} instead.

        Raises:
            ValueError: The samples have other channels, or are too few for one emission.
        """
        config = self.config
        if x.ndim != 3 or x.shape[1] != config.n_chans:
            raise ValueError(f"samples of shape {tuple(x.shape)} do not fit (B, {config.n_chans}, N)")
        # (B, C, N) → (B, N, bands, electrodes)
        samples = x.view(len(x), config.num_bands, -1, x.shape[2]).movedim(-1, 1)
        features = self.encoder.features(self.spectrogram(samples))
        if return_features:
            return {"features": features, "cls_token": None}
        logits: torch.Tensor = self.encoder.head(features)
        return functional.log_softmax(logits, dim=-1) if config.log_softmax else logits

    def compute_output_lengths(self, input_lengths: torch.Tensor) -> torch.Tensor:
        """Return the number of emissions (B,) of windows whose samples are `input_lengths` (B,)."""
        stft = self.config.stft
        frames = torch.div(input_lengths - stft.window, stft.hop, rounding_mode="floor") + 1
        return (frames - self.encoder.context).clamp_min(0)

    def get_output_shape(self) -> tuple[int, int, int]:
        """Return the shape of the output for one window; raises InputError if its length was not given."""
        if self.config.window is None:
            raise InputError("n_times was not given, so the length of the output is unknown; name it.")
        emissions = int(self.compute_output_lengths(torch.tensor([self.config.window]))[0])
        return (1, emissions, self.config.n_outputs)

    def reset_head(self, n_outputs: int) -> None:
        """Replace the head by one with random weights for another number of outputs."""
        self.encoder.reset_head(n_outputs)
        self.config = replace(self.config, n_outputs=n_outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments that make another model of the same sizes."""
        return self.config.to_dict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EMG2QwertyNet":
        """Invert `to_dict`; the weights are random."""
        return cls(**values)
