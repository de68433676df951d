"""The log-spectrogram front end in torch: the same numbers as streamer.front_end.stft, for batches of windows."""

import math

import torch
from torch import Tensor, nn

from messages.model_facts import StftFacts


class LogSpectrogram(nn.Module):
    """(N, samples, bands, electrodes) µV → (N, frames, bands, electrodes, bins) log10 power.

    It is one product with the windowed DFT matrix, which on a CPU is faster than batches of 64-point FFTs.
    """

    basis: Tensor

    def __init__(self, stft: StftFacts) -> None:
        super().__init__()
        self.stft = stft
        n = torch.arange(stft.window, dtype=torch.float64)
        hann = 0.5 - 0.5 * torch.cos(2 * math.pi * n / stft.window)
        angle = 2 * math.pi * torch.outer(n, torch.arange(stft.bins, dtype=torch.float64)) / stft.window
        scale = hann[:, None] / hann.square().sum().sqrt()
        self.register_buffer(
            "basis", torch.cat([scale * angle.cos(), scale * angle.sin()], dim=1).float(), persistent=False
        )

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        """Return the spectrogram; no gradient flows through it."""
        # (N, samples, bands, electrodes) → (N, bands, electrodes, T, window)
        x = samples.movedim(1, -1).unfold(-1, self.stft.window, self.stft.hop) @ self.basis
        real, imaginary = x.chunk(2, dim=-1)
        power = real.square() + imaginary.square()
        # (N, bands, electrodes, T, bins) → (N, T, bands, electrodes, bins)
        return torch.log10(power + self.stft.floor).movedim(3, 1)
