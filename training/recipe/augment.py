"""The reference's training augmentations (emg2qwerty, Sivakumar et al. 2024), in its order."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Bounds of the random changes of a training window; 0 switches a step off."""

    roll: int = 1
    """The electrodes of each band are rolled by −roll..roll places."""
    misalign: int = 120
    """Most samples by which one band is shifted against the others, in either direction (60 ms at 2 kHz)."""
    time_masks: int = 3
    """Most masked stretches of frames per band."""
    time_mask_frames: int = 25
    """Most frames of a masked stretch."""
    frequency_masks: int = 2
    """Most masked ranges of bins per band."""
    frequency_mask_bins: int = 4
    """Most bins of a masked range."""
    noise: float = 0.0
    """Standard deviation, in log10 units, of noise added to every bin; the reference has none."""
    gain: float = 0.0
    """Standard deviation, in log10 units, of an offset of all bins of an electrode; the reference has none."""

    def samples(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Roll and misalign (samples, bands, electrodes); a shifted band repeats its border sample."""
        return self._misalign(self._roll(x, rng), self.misalign, rng)

    def frames(self, x: Tensor, hop: int, rng: torch.Generator) -> Tensor:
        """Roll (T, bands, electrodes, bins) and misalign it by whole frames of `hop` samples."""
        return self._misalign(self._roll(x, rng), self.misalign // hop, rng)

    def _roll(self, x: Tensor, rng: torch.Generator) -> Tensor:
        if not self.roll:
            return x
        rolls = torch.randint(-self.roll, self.roll + 1, (x.shape[1],), generator=rng)
        return torch.stack([x[:, band].roll(int(rolls[band]), dims=1) for band in range(x.shape[1])], dim=1)

    @staticmethod
    def _misalign(x: Tensor, largest: int, rng: torch.Generator) -> Tensor:
        if not largest:
            return x
        shift = int(torch.randint(-largest, largest + 1, (1,), generator=rng))
        band = int(torch.randint(x.shape[1], (1,), generator=rng))
        x = x.clone()
        x[:, band] = x[(torch.arange(len(x)) - shift).clamp(0, len(x) - 1), band]
        return x

    def spectrogram(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Set stretches of time and ranges of frequency of (T, bands, electrodes, bins) to 0, for each band.

        Noise and gain, if switched on, are added first.
        """
        x = x.clone()
        if self.gain:
            x += self.gain * torch.randn(*x.shape[1:3], 1, generator=rng)
        if self.noise:
            x += self.noise * torch.randn(x.shape, generator=rng)
        for band in range(x.shape[1]):
            _mask(x[:, band], 0, self.time_masks, self.time_mask_frames, rng)
            _mask(x[:, band], -1, self.frequency_masks, self.frequency_mask_bins, rng)
        return x


NONE = Augmentation(roll=0, misalign=0, time_masks=0, frequency_masks=0)
"""No augmentation at all."""


def _mask(x: Tensor, axis: int, count: int, longest: int, rng: torch.Generator) -> None:
    """Set up to `count` ranges of an axis, each of up to `longest` places, to 0."""
    size = x.shape[axis]
    for _ in range(int(torch.randint(count + 1, (1,), generator=rng))):
        length = int(torch.randint(longest + 1, (1,), generator=rng))
        start = int(torch.randint(max(1, size - length), (1,), generator=rng))
        x.narrow(axis, start, min(length, size - start)).zero_()
