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
from training.data.order import chance
from training.recipe.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Window:
    """One training example."""

    frames: Tensor
    """(T, bands, electrodes, bins) log-spectrogram."""
    labels: Tensor
    """(L,) keys pressed within the labelled part; with a press window, those whose emissions lie behind its begin."""
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

    In training each window starts at a random offset and is augmented. What chance does to a window depends on the
    seed, the epoch and the window alone; item epoch · len + index is the window `index` of an epoch (`EpochOrder`).

    Raises:
        InputError: A session without key presses, or of another layout than the first; no session long enough.
    """

    def __init__(self, sessions: Sequence[Path], settings: TrainSettings, constants: StftFacts) -> None:
        self._settings = settings
        self._constants = constants
        self._frames = CachedFrames([], constants) if settings.cache else FreshFrames(constants)
        self._spans: list[_Span] = []
        self._presses: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self._sizes: dict[Path, int] = {}
        self.layout: Layout | None = None
        left = settings.minutes * 60 or math.inf
        for path in sessions:
            left -= self._add(path, left)
            if left <= 0:
                break
        if not self._spans:
            raise InputError(
                f"{len(sessions)} sessions hold no window of {settings.window} samples with {settings.past} before it: "
                "expected longer ones; record more, or make window and past smaller"
            )

    def _add(self, path: Path, most: float) -> float:
        """Take up to `most` seconds of a session; returns how many it took."""
        s = self._settings
        with SessionReader(path) as session:
            layout = self.layout = self.layout or session.layout
            self._rate = layout.rate
            if session.layout != layout:
                raise InputError(f"{path} holds {session.layout}, the sessions before it {layout}: train on one kind")
            keys = sorted((k.start, k.label) for k in session.keystrokes if k.label is not None)
            if not keys:
                raise InputError(
                    f"{path} holds no key presses with their times, which training needs: leave it out, or fit a model "
                    "to its prompts with `emgtype personalise`"
                )
            # Time stamps are not uniform: a press lies where its time falls among the stamps.
            passing = self._frames.passing(path, session.chunks())
            times = np.concatenate([chunk.times for chunk in passing])
        self._sizes[path] = size = min(len(times), int(min(most * layout.rate, len(times))))
        self._spans += [_Span(path, first) for first in range(0, size - s.window - s.past, s.window)]
        presses = np.interp([t for t, _ in keys], times, np.arange(len(times)), left=-np.inf, right=np.inf)
        self._presses[path] = (presses, np.array([label for _, label in keys], dtype=np.int64))
        return size / layout.rate

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, item: int) -> Window:
        epoch, index = divmod(item, len(self._spans))
        span, s, c = self._spans[index], self._settings, self._constants
        rng = chance(s.seed, epoch, index)
        shorter = 1 - s.crop * float(torch.rand((), generator=rng))
        window = max(c.hop, round(s.window * shorter)) if s.crop else s.window
        offset = int(torch.randint(s.window, (1,), generator=rng))
        size = self._sizes[span.path]
        first = min(span.first + offset, size - window) // c.hop * c.hop
        begin = max(0, first - s.past) // c.hop * c.hop
        end = min(size, first + window + s.future)
        frames = self._frames.window(span.path, begin, end, s.augmentation, rng)
        presses, labels = self._presses[span.path]
        newest = begin + c.window - 1  # sample of the first frame
        labelled_from = max(0, (first - newest) // c.hop)
        answered: tuple[float, float] = first, first + window
        if s.press_window:
            # Where the delay is known, so are the keys that the emissions answer: others fit no alignment.
            emitted = newest - s.press_window.delay * self._rate
            earliest = max(labelled_from, s.model.receptive_field - 1)
            answered = emitted + earliest * c.hop, emitted + (len(frames) - 1) * c.hop
        labelled = slice(*np.searchsorted(presses, answered))
        return Window(
            frames=s.augmentation.spectrogram(frames, rng),
            labels=torch.from_numpy(labels[labelled]),
            presses=torch.from_numpy((presses[labelled] - newest) / c.hop),
            first=labelled_from,
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


class SessionSamples:
    """The samples of a session as slices of it are asked for: a whole one may be larger than the memory."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> Tensor:
        """(samples, bands, electrodes) µV of a slice of step 1."""
        first, last, _ = part.indices(self._size)
        with SessionReader(self._path) as session:
            return torch.from_numpy(session.read(first, last).samples)


class WholeSessions(Dataset[tuple[SessionSamples, list[int]]]):
    """Sessions without padding, as the reference tests: (samples, bands, electrodes) and the typed labels.

    Args:
        sessions: Files.
        minutes: Only so much of each one's beginning; 0: whole.
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
