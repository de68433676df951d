"""Session files as training windows (labelled part with padding on either side) and as whole sessions for testing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from adapters.session_reader import SessionReader
from training.augment import Augmentation
from training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Window:
    """One training example."""

    samples: Tensor
    """(samples, bands, electrodes) µV."""
    labels: Tensor
    """(L,) keys pressed within the labelled part."""
    presses: Tensor
    """(L,) samples from the first sample to the press, fractional."""


@dataclass(frozen=True, slots=True)
class _Span:
    path: Path
    first: int
    """First sample of the labelled part."""
    last: int


class WindowDataset(Dataset[Window]):
    """Windows of sessions: `window` samples, with up to `past` before and `future` after, clipped at the session's ends.

    In training each window starts at a random offset, drawn anew in every epoch, and its samples are augmented.
    """

    def __init__(self, sessions: Sequence[Path], settings: TrainSettings, augmentation: Augmentation | None) -> None:
        self._settings = settings
        self._augmentation = augmentation
        self._rng = torch.Generator().manual_seed(settings.seed)
        self._spans: list[_Span] = []
        self._presses: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self._sizes: dict[Path, int] = {}
        for path in sessions:
            with SessionReader(path) as session:
                self._sizes[path] = len(session)
                self._spans += [
                    _Span(path, first, first + settings.window)
                    for first in range(0, len(session) - settings.window - settings.past, settings.window)
                ]
                keys = [(k.start, k.label) for k in session.keystrokes if k.label is not None]
            self._presses[path] = (np.array([t for t, _ in keys]), np.array([label for _, label in keys], dtype=np.int64))

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Window:
        span, s = self._spans[index], self._settings
        offset = 0
        if self._augmentation:
            offset = int(torch.randint(s.window, (1,), generator=self._rng))
        first = min(span.first + offset, self._sizes[span.path] - s.window)
        begin, end = max(0, first - s.past), min(self._sizes[span.path], first + s.window + s.future)
        with SessionReader(span.path) as session:
            chunk = session.read(begin, end)
        times, (press_times, press_labels) = chunk.times, self._presses[span.path]
        labelled = slice(
            *np.searchsorted(press_times, [times[first - begin], times[min(first + s.window, end) - begin - 1]])
        )
        # Time stamps are not uniform: a press lies where its time falls among the stamps.
        presses = np.interp(press_times[labelled], times, np.arange(len(times)))
        samples = torch.from_numpy(chunk.samples)
        if self._augmentation:
            samples = self._augmentation.samples(samples, self._rng)
        return Window(samples, torch.from_numpy(press_labels[labelled]), torch.from_numpy(presses))


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows side by side, padded at their ends."""

    samples: Tensor
    """(N, samples, bands, electrodes)."""
    lengths: Tensor
    """(N,) samples."""
    labels: Tensor
    """(N, L)."""
    label_lengths: Tensor
    """(N,)."""
    presses: Tensor
    """(N, L) samples from the window's first to the press."""


def collate(windows: Sequence[Window]) -> Batch:
    """Join windows to a batch."""
    pad = torch.nn.utils.rnn.pad_sequence
    return Batch(
        samples=pad([w.samples for w in windows], batch_first=True),
        lengths=torch.tensor([len(w.samples) for w in windows]),
        labels=pad([w.labels for w in windows], batch_first=True),
        label_lengths=torch.tensor([len(w.labels) for w in windows]),
        presses=pad([w.presses for w in windows], batch_first=True),
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
