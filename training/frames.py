"""Spectrogram frames of sessions: made anew for each window, or once and kept in memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapters.session_reader import SessionReader
from streamer.spectrogram import Spectrogram, StftConstants
from training.augment import Augmentation
from training.features import LogSpectrogram


class FreshFrames:
    """Reads a window's samples, augments them and transforms them, as the reference does."""

    def __init__(self, constants: StftConstants) -> None:
        self._spectrogram = LogSpectrogram(constants)

    def window(self, path: Path, begin: int, end: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
        """(T, bands, electrodes, bins) frames of the samples begin..end."""
        with SessionReader(path) as session:
            samples = torch.from_numpy(session.read(begin, end).samples)
        frames: Tensor = self._spectrogram(augmentation.samples(samples, rng)[None])[0]
        return frames


class CachedFrames:
    """Keeps every session's frames in memory (float16, 0.95 GB an hour), for machines with little to compute on.

    Rolls are exact; a misalignment moves by whole frames.
    """

    def __init__(self, sessions: Sequence[Path], constants: StftConstants) -> None:
        self._constants = constants
        self._frames = {path: self._read(path) for path in sessions}

    def _read(self, path: Path) -> Tensor:
        stage, parts = Spectrogram(self._constants), []
        with SessionReader(path) as session:
            for chunk in session.chunks():
                frames, _ = stage.push(chunk.samples, chunk.times)
                parts.append(frames.astype(np.float16))
        return torch.from_numpy(np.concatenate(parts))

    def window(self, path: Path, begin: int, end: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
        """(T, bands, electrodes, bins) frames of the samples begin..end; `begin` is a multiple of the hop."""
        first = begin // self._constants.hop
        frames = self._frames[path][first : first + self._constants.frames(end - begin)].float()
        return augmentation.frames(frames, self._constants.hop, rng)
