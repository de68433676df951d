"""Session files as training windows (labelled part with padding on either side) and as whole sessions for testing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from adapters.sessions.reader import SessionReader
from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import Layout
from training.data.frames import CachedFrames, FreshFrames
from training.data.order import generator_of
from training.data.presses import presses_in_samples
from training.recipe.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """A training example."""

    frames: Tensor
    """(T, bands, electrodes, bins) log-spectrogram."""
    labels: Tensor
    """(L,) labels of the keys pressed within the labelled part; with a press window, of those emitted within it."""
    presses: Tensor
    """(L,) times of the presses in frames, fractional: press p coincides with the newest sample of frame p."""
    first: int
    """Frame at which the labelled part begins; emissions before it answer keys that are not in `labels`."""


@dataclass(frozen=True, slots=True)
class _Span:
    path: Path
    first: int
    """First sample of the labelled part."""


class WindowDataset(Dataset[TrainingWindow]):
    """Windows of sessions: `window` samples, up to `past` before and `future` after, clipped at the session's ends.

    In training each window starts at a random offset and is augmented. The random numbers of a window depend on the
    seed, the epoch and the window alone; item epoch · len + index is the window `index` of an epoch (`EpochOrder`).

    Raises:
        InputError: A session has no key presses, or another layout than the first; or no session is long enough.
    """

    def __init__(self, sessions: Sequence[Path], settings: TrainSettings, stft: StftFacts) -> None:
        self._settings = settings
        self._stft = stft
        self._frames = CachedFrames([], stft) if settings.cache else FreshFrames(stft)
        self._spans: list[_Span] = []
        self._presses: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self._sizes: dict[Path, int] = {}
        self._layout: Layout | None = None
        remaining_s = settings.minutes * 60 or math.inf
        for path in sessions:
            remaining_s -= self._add(path, remaining_s)
            if remaining_s <= 0:
                break
        if not self._spans:
            raise InputError(
                f"none of {len(sessions)} sessions is long enough for a window of {settings.window} samples with "
                f"{settings.past} before it: record longer sessions, or make window and past smaller"
            )

    def _add(self, path: Path, limit_s: float) -> float:
        """Add up to `limit_s` seconds of a session; return the seconds added."""
        s = self._settings
        with SessionReader(path) as session:
            layout = self._layout = self._layout or session.layout
            self._rate = layout.rate
            if session.layout != layout:
                raise InputError(
                    f"{path} holds {session.layout}, the sessions before it {layout}: train on sessions of one layout"
                )
            if all(k.label is None for k in session.keystrokes):
                raise InputError(
                    f"{path} holds no key presses with their times, which training needs: leave it out, or fit a model "
                    "to its prompts with `emgtype personalise`"
                )
            times = np.concatenate([chunk.times for chunk in self._frames.tap(path, session.chunks())])
            self._presses[path] = presses_in_samples(session.keystrokes, times)
        self._sizes[path] = size = min(len(times), int(min(limit_s * layout.rate, len(times))))
        self._spans += [_Span(path, first) for first in range(0, size - s.window - s.past, s.window)]
        return size / layout.rate

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, item: int) -> TrainingWindow:
        epoch, index = divmod(item, len(self._spans))
        span, s, stft = self._spans[index], self._settings, self._stft
        rng = generator_of(s.seed, epoch, index)
        shorter = 1 - s.crop * float(torch.rand((), generator=rng))
        window = max(stft.hop, round(s.window * shorter)) if s.crop else s.window
        offset = int(torch.randint(s.window, (1,), generator=rng))
        size = self._sizes[span.path]
        first = min(span.first + offset, size - window) // stft.hop * stft.hop
        begin = max(0, first - s.past) // stft.hop * stft.hop
        end = min(size, first + window + s.future)
        frames = self._frames.window(span.path, begin, end, s.augmentation, rng)
        presses, labels = self._presses[span.path]
        # Newest sample of the first frame.
        newest = begin + stft.window - 1
        labelled_from = max(0, (first - newest) // stft.hop)
        answered: tuple[float, float] = first, first + window
        if s.press_window:
            # The delay tells which keys the emissions answer; other keys would fit no alignment.
            emitted = newest - s.press_window.delay * self._rate
            earliest = max(labelled_from, s.model.receptive_field - 1)
            answered = emitted + earliest * stft.hop, emitted + (len(frames) - 1) * stft.hop
        labelled = slice(*np.searchsorted(presses, answered))
        return TrainingWindow(
            frames=s.augmentation.spectrogram(frames, rng),
            labels=torch.from_numpy(labels[labelled]),
            presses=torch.from_numpy((presses[labelled] - newest) / stft.hop),
            first=labelled_from,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Several windows, padded at their ends to one length."""

    frames: Tensor
    """(N, T, bands, electrodes, bins) log-spectrograms."""
    lengths: Tensor
    """(N,) number of frames of each window."""
    labels: Tensor
    """(N, L) labels of the keys."""
    label_lengths: Tensor
    """(N,) number of labels of each window."""
    presses: Tensor
    """(N, L) times of the presses, in frames."""
    firsts: Tensor
    """(N,) frame at which each labelled part begins."""


def collate(windows: Sequence[TrainingWindow]) -> Batch:
    """Join windows into a batch."""
    pad = torch.nn.utils.rnn.pad_sequence
    return Batch(
        frames=pad([w.frames for w in windows], batch_first=True),
        lengths=torch.tensor([len(w.frames) for w in windows]),
        labels=pad([w.labels for w in windows], batch_first=True),
        label_lengths=torch.tensor([len(w.labels) for w in windows]),
        presses=pad([w.presses for w in windows], batch_first=True),
        firsts=torch.tensor([w.first for w in windows]),
    )


class SessionSamples:
    """The samples of a session, read slice by slice because a whole session may be larger than the memory."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> Tensor:
        """Read the (samples, bands, electrodes) µV of a slice of step 1."""
        first, last, _ = part.indices(self._size)
        with SessionReader(self._path) as session:
            return torch.from_numpy(session.read(first, last).samples)


class WholeSessions(Dataset[tuple[SessionSamples, list[int]]]):
    """Whole sessions without padding, as the reference tests: (samples, bands, electrodes) and the typed labels.

    Args:
        sessions: Session files.
        minutes: Use only the first minutes of each session; 0: the whole session.
    """

    def __init__(self, sessions: Sequence[Path], minutes: float = 0.0) -> None:
        self._sessions = sessions
        self._minutes = minutes

    def __len__(self) -> int:
        return len(self._sessions)

    def __getitem__(self, index: int) -> tuple[SessionSamples, list[int]]:
        path = self._sessions[index]
        with SessionReader(path) as session:
            size = min(round(self._minutes * 60 * session.layout.rate) or len(session), len(session))
            (last,) = session.read(size - 1, size).times
            return SessionSamples(path, size), session.labels(session.start, float(last))
