"""The paper's model under the constructor arguments of braindecode's EMG2QwertyNet: raw samples in, emissions out.

Names and defaults of arguments and methods are those of its documentation; the model is training.models.tds.
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
    """Constructor arguments of EMG2QwertyNet."""

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
    """Give log-probabilities instead of logits."""
    activation: str = "ReLU"
    """The paper's; another one is refused."""
    drop_prob: float = 0.0
    n_times: int | None = None
    """Samples of a window; only `get_output_shape` needs them."""
    input_window_seconds: float | None = None
    """The same in seconds."""

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
        if self.activation.rpartition(".")[2] != "ReLU":  # saved configs name it with its module
            raise InputError(f"activation is {self.activation}; expected ReLU, as in the paper.")
        if self.sfreq <= 0:
            raise InputError(f"sfreq is {self.sfreq:g} samples per second; expected more than 0.")
        if None not in (self.n_times, self.input_window_seconds) and self.n_times != self.window:
            raise InputError(
                f"n_times is {self.n_times}, but {self.input_window_seconds:g} s are {self.window} samples; leave one "
                "out."
            )
        needed = self.stft.samples(self.encoder.receptive_field)  # also refuses constants and sizes that cannot be
        if self.window is not None and self.window < needed:
            raise InputError(
                f"The window has {self.window} samples, but one emission sees {needed}; name a longer window or "
                "smaller kernels."
            )

    @property
    def window(self) -> int | None:
        """Samples of a window; None: not stated."""
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
        """Plain values, as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EMG2QwertyNetConfig":
        """Inverse of `to_dict`; raises InputError for an unknown name or a combination that cannot be."""
        return build(cls, values, "the arguments of EMG2QwertyNet")


class EMG2QwertyNet(nn.Module):
    """Raw samples (B, channels, N) in µV, left band first → (B, emissions, n_outputs) logits or log-probabilities."""

    def __init__(self, **arguments: Any) -> None:
        """Arguments as the fields of EMG2QwertyNetConfig; raises InputError for what is unknown or impossible."""
        super().__init__()
        self.config = EMG2QwertyNetConfig.from_dict(arguments)
        self.spectrogram = LogSpectrogram(self.config.stft)
        self.encoder = TDSEncoder(self.config.encoder)

    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor | dict[str, torch.Tensor | None]:
        """With `return_features` {"features": (B, emissions, num_features), "cls_token": None} instead.

        Raises:
            ValueError: Samples of other channels, or too few for one emission.
        """
        config = self.config
        if x.ndim != 3 or x.shape[1] != config.n_chans:
            raise ValueError(f"samples of shape {tuple(x.shape)} do not fit (B, {config.n_chans}, N)")
        samples = x.view(len(x), config.num_bands, -1, x.shape[2]).movedim(
            -1, 1
        )  # (B, C, N) → (B, N, bands, electrodes)
        features = self.encoder.features(self.spectrogram(samples))
        if return_features:
            return {"features": features, "cls_token": None}
        logits: torch.Tensor = self.encoder.head(features)
        return functional.log_softmax(logits, dim=-1) if config.log_softmax else logits

    def compute_output_lengths(self, input_lengths: torch.Tensor) -> torch.Tensor:
        """(B,) emissions of windows of so many samples."""
        stft = self.config.stft
        frames = torch.div(input_lengths - stft.window, stft.hop, rounding_mode="floor") + 1
        return (frames - self.encoder.context).clamp_min(0)

    def get_output_shape(self) -> tuple[int, int, int]:
        """Shape of the output for one window of `n_times` samples; raises InputError where that was not given."""
        if self.config.window is None:
            raise InputError("n_times was not given, so that the length of the output is open; name it.")
        emissions = int(self.compute_output_lengths(torch.tensor([self.config.window]))[0])
        return (1, emissions, self.config.n_outputs)

    def reset_head(self, n_outputs: int) -> None:
        """A new head with random weights for another number of outputs."""
        self.encoder.reset_head(n_outputs)
        self.config = replace(self.config, n_outputs=n_outputs)

    def to_dict(self) -> dict[str, Any]:
        """Arguments that make another one of the same sizes."""
        return self.config.to_dict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EMG2QwertyNet":
        """Inverse of `to_dict`; the weights are random."""
        return cls(**values)
