"""The log-spectrogram front end in torch: the same numbers as streamer.front_end.stft, for batches of windows."""

import math

import torch
from torch import Tensor, nn

from messages.model_facts import StftFacts


class LogSpectrogram(nn.Module):
    """(N, samples, bands, electrodes) µV → (N, frames, bands, electrodes, bins) log10 power.

    Written as one product with the windowed DFT matrix: on a CPU faster than batches of 64-point FFTs.
    """

    basis: Tensor

    def __init__(self, constants: StftFacts) -> None:
        super().__init__()
        self.constants = constants
        n = torch.arange(constants.window, dtype=torch.float64)
        hann = 0.5 - 0.5 * torch.cos(2 * math.pi * n / constants.window)
        angle = 2 * math.pi * torch.outer(n, torch.arange(constants.bins, dtype=torch.float64)) / constants.window
        scale = hann[:, None] / hann.square().sum().sqrt()
        self.register_buffer(
            "basis", torch.cat([scale * angle.cos(), scale * angle.sin()], dim=1).float(), persistent=False
        )

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        x = samples.movedim(1, -1)  # (N, samples, ..., C) → (N, ..., C, samples)
        x = x.unfold(-1, self.constants.window, self.constants.hop) @ self.basis
        real, imaginary = x.chunk(2, dim=-1)
        power = real.square() + imaginary.square()
        return torch.log10(power + self.constants.floor).movedim(3, 1)  # (N, bands, electrodes, T, bins) → T second
