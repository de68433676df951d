"""Session files as training windows (labelled part with padding on either side) and as whole sessions for testing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from adapters.session_reader import SessionReader
from streamer.spectrogram import StftConstants
from training.frames import CachedFrames, FreshFrames
from training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Window:
    """One training example."""

    frames: Tensor
    """(T, bands, electrodes, bins) log-spectrogram."""
    labels: Tensor
    """(L,) keys pressed within the labelled part."""
    presses: Tensor
    """(L,) presses in frames, fractional: press p is the newest sample of frame p."""
    first: int
    """The frame at which the labelled part begins; what is emitted before it answers keys that are not in `labels`."""


@dataclass(frozen=True, slots=True)
class _Span:
    path: Path
    first: int
    """First sample of the labelled part."""


class WindowDataset(Dataset[Window]):
    """Windows of sessions: `window` samples, up to `past` before and `future` after, clipped at the session's ends.

    In training each window starts at a random offset, drawn anew in every epoch, and is augmented.
    """

    def __init__(self, sessions: Sequence[Path], settings: TrainSettings, constants: StftConstants) -> None:
        self._settings = settings
        self._constants = constants
        self._rng = torch.Generator().manual_seed(settings.seed)
        self._frames = CachedFrames(sessions, constants) if settings.cache else FreshFrames(constants)
        self._spans: list[_Span] = []
        self._presses: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self._sizes: dict[Path, int] = {}
        for path in sessions:
            with SessionReader(path) as session:
                self._sizes[path] = size = len(session)
                firsts = range(0, size - settings.window - settings.past, settings.window)
                self._spans += [_Span(path, first) for first in firsts]
                keys = [(k.start, k.label) for k in session.keystrokes if k.label is not None]
                # Time stamps are not uniform: a press lies where its time falls among the stamps.
                times = np.concatenate([chunk.times for chunk in session.chunks()])
            presses = np.interp([t for t, _ in keys], times, np.arange(size), left=-np.inf, right=np.inf)
            self._presses[path] = (presses, np.array([label for _, label in keys], dtype=np.int64))

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Window:
        span, s, c = self._spans[index], self._settings, self._constants
        offset = int(torch.randint(s.window, (1,), generator=self._rng))
        size = self._sizes[span.path]
        first = min(span.first + offset, size - s.window) // c.hop * c.hop
        begin = max(0, first - s.past) // c.hop * c.hop
        end = min(size, first + s.window + s.future)
        frames = self._frames.window(span.path, begin, end, s.augmentation, self._rng)
        presses, labels = self._presses[span.path]
        labelled = slice(*np.searchsorted(presses, [first, first + s.window]))
        return Window(
            frames=s.augmentation.spectrogram(frames, self._rng),
            labels=torch.from_numpy(labels[labelled]),
            presses=torch.from_numpy((presses[labelled] - begin - (c.window - 1)) / c.hop),
            first=max(0, (first - begin - (c.window - 1)) // c.hop),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows side by side, padded at their ends."""

    frames: Tensor
    """(N, T, bands, electrodes, bins)."""
    lengths: Tensor
    """(N,) frames."""
    labels: Tensor
    """(N, L)."""
    label_lengths: Tensor
    """(N,)."""
    presses: Tensor
    """(N, L), in frames."""
    firsts: Tensor
    """(N,), in frames."""


def collate(windows: Sequence[Window]) -> Batch:
    """Join windows to a batch."""
    pad = torch.nn.utils.rnn.pad_sequence
    return Batch(
        frames=pad([w.frames for w in windows], batch_first=True),
        lengths=torch.tensor([len(w.frames) for w in windows]),
        labels=pad([w.labels for w in windows], batch_first=True),
        label_lengths=torch.tensor([len(w.labels) for w in windows]),
        presses=pad([w.presses for w in windows], batch_first=True),
        firsts=torch.tensor([w.first for w in windows]),
    )


class WholeSessions(Dataset[tuple[Tensor, list[int]]]):
    """Sessions whole and without padding, as the reference tests: (samples, bands, electrodes) and the typed labels."""

    def __init__(self, sessions: Sequence[Path]) -> None:
        self._sessions = sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def __getitem__(self, index: int) -> tuple[Tensor, list[int]]:
        with SessionReader(self._sessions[index]) as session:
            return torch.from_numpy(session.read(0, len(session)).samples), session.labels(session.start, session.end)
