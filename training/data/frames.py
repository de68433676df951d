"""Spectrogram frames of sessions: computed anew for each window, or once and kept in memory."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapters.sessions.reader import SessionReader
from messages.model_facts import StftFacts
from messages.signal import Chunk
from streamer.front_end.stft import Spectrogram
from training.models.features import LogSpectrogram
from training.recipe.augment import Augmentation


class FreshFrames:
    """Frames that are computed for each window from its augmented samples, as the reference does."""

    def __init__(self, stft: StftFacts) -> None:
        self._spectrogram = LogSpectrogram(stft)

    def tap(self, _path: Path, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Pass the chunks of a whole session through unchanged; nothing is kept."""
        yield from chunks

    def window(self, path: Path, begin: int, end: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
        """Return the (T, bands, electrodes, bins) frames of the samples begin..end."""
        with SessionReader(path) as session:
            samples = torch.from_numpy(session.read(begin, end).samples)
        frames: Tensor = self._spectrogram(augmentation.samples(samples, rng)[None])[0]
        return frames


class CachedFrames:
    """Every session's frames, kept in memory (float16, 0.95 GB an hour), for machines with little computing power.

    Rolls are exact; a misalignment moves by whole frames.
    """

    def __init__(self, sessions: Sequence[Path], stft: StftFacts) -> None:
        self._stft = stft
        self._frames: dict[Path, Tensor] = {}
        for path in sessions:
            with SessionReader(path) as session:
                for _ in self.tap(path, session.chunks()):
                    pass

    def tap(self, path: Path, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Pass the chunks of a whole session through unchanged and keep their frames."""
        stage: Spectrogram | None = None
        parts = []
        for chunk in chunks:
            stage = stage or Spectrogram(self._stft, chunk.layout)
            parts.append(stage.push(chunk).values.astype(np.float16))
            yield chunk
        self._frames[path] = torch.from_numpy(np.concatenate(parts))

    def window(self, path: Path, begin: int, end: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
        """Return the (T, bands, electrodes, bins) frames of the samples begin..end; `begin` is a multiple of a hop."""
        first = begin // self._stft.hop
        frames = self._frames[path][first : first + self._stft.frames(end - begin)].float()
        return augmentation.frames(frames, self._stft.hop, rng)
