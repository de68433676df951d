"""Spectrogram frames of sessions: made anew for each window, or once and kept in memory."""

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
    """Reads a window's samples, augments them and transforms them, as the reference does."""

    def __init__(self, constants: StftFacts) -> None:
        self._spectrogram = LogSpectrogram(constants)

    def passing(self, _path: Path, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks of a whole session as somebody else reads them; nothing is kept."""
        yield from chunks

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

    def __init__(self, sessions: Sequence[Path], constants: StftFacts) -> None:
        self._constants = constants
        self._frames: dict[Path, Tensor] = {}
        for path in sessions:
            with SessionReader(path) as session:
                for _ in self.passing(path, session.chunks()):
                    pass

    def passing(self, path: Path, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks of a whole session as somebody else reads them; their frames are kept."""
        stage: Spectrogram | None = None
        parts = []
        for chunk in chunks:
            stage = stage or Spectrogram(self._constants, chunk.layout)
            parts.append(stage.push(chunk).values.astype(np.float16))
            yield chunk
        self._frames[path] = torch.from_numpy(np.concatenate(parts))

    def window(self, path: Path, begin: int, end: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
        """(T, bands, electrodes, bins) frames of the samples begin..end; `begin` is a multiple of the hop."""
        first = begin // self._constants.hop
        frames = self._frames[path][first : first + self._constants.frames(end - begin)].float()
        return augmentation.frames(frames, self._constants.hop, rng)
