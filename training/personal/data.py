"""Sessions of one person for personalisation: held-out parts, and random windows of the others."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from adapters.sessions.reader import SessionReader
from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import Layout
from messages.typed import ON_KEYBOARD, prompt_labels
from training.data.frames import CachedFrames
from training.data.presses import presses_in_samples
from training.data.windows import TrainingWindow
from training.recipe.augment import Augmentation

_HELD_OUT_SHARE = 0.2
"""Share of a session's time that is held out where no whole session can be spared."""
_SEARCH_SHARE = 0.05
"""Share of a session's time by which the border may move to fall into a pause."""
_LEAST_TO_SPARE = 3
"""Number of sessions from which on the last is held out whole: of fewer, each is needed as an example of a donning."""
_LONGEST_S = 30.0
"""Seconds: a prompt that took longer contained a pause, and would need too much memory in a batch."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a session, in samples."""

    path: Path
    name: str
    """Name of the session."""
    first: int
    last: int
    """End of the part, exclusive."""
    labels: tuple[int, ...]
    """Labels typed after the first `context` samples of the part."""
    minutes: float


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts to train on and the held-out ones: split by session or by time; even their contexts never overlap."""

    training: tuple[Part, ...]
    held_out: tuple[Part, ...]

    @property
    def held_out_id(self) -> str:
        """Twelve hex digits that are equal for the same held-out data, wherever its files lie."""
        facts = [(p.name, p.first, p.last, p.labels) for p in self.held_out]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def split_sessions(paths: Sequence[Path], layout: Layout, context: int, minutes: float | None = None) -> Parts:
    """Hold out the last session whole, or, of fewer than three sessions, the end of each.

    Args:
        paths: Sessions of one person, oldest first.
        layout: Layout that the base model was trained on.
        context: Samples before the first emission: they lie on the held-out side of a border, and nothing is trained
            on them.
        minutes: Use the first minutes alone; None: all.

    Raises:
        InputError: No session; sessions of several people or of another layout, named twice, too short, or without a
            key.
    """
    if not paths:
        raise InputError("no session to learn from: name at least one recording of the person with --session")
    sessions = _check_sessions(paths, layout, np.inf if minutes is None else 60 * minutes)
    if len(sessions) >= _LEAST_TO_SPARE:
        training = [_part(path, 0.0, seconds, 0) for path, seconds in sessions[:-1]]
        last, seconds = sessions[-1]
        return Parts(tuple(training), (_part(last, 0.0, seconds, context),))
    pairs = [_split_at_pause(path, seconds, context) for path, seconds in sessions]
    return Parts(tuple(begin for begin, _ in pairs), tuple(end for _, end in pairs))


def _check_sessions(paths: Sequence[Path], layout: Layout, limit_s: float) -> list[tuple[Path, float]]:
    """Check that the sessions fit together; return those within the limit, with the seconds to use of each."""
    used: list[tuple[Path, float]] = []
    users: set[str] = set()
    remaining_s = limit_s
    for path in paths:
        with SessionReader(path) as session:
            if session.layout != layout:
                raise InputError(f"{path} holds {session.layout}, but the base was trained on {layout}: record again")
            users |= {session.user} - {""}
            if any(path.samefile(other) for other, _ in used):
                raise InputError(f"the session {path} is named twice: name each recording once")
            if remaining_s > 0:
                used.append((path, min(remaining_s, session.end - session.start)))
                remaining_s -= session.end - session.start
    if len(users) > 1:
        raise InputError(f"the sessions are of the users {', '.join(sorted(users))}: name those of one person")
    return used


def _split_at_pause(path: Path, seconds: float, context: int) -> tuple[Part, Part]:
    """Split a session into beginning and end; the end's first emission falls into the longest pause near the border."""
    with SessionReader(path) as session:
        start, rate = session.start, session.layout.rate
        on_keyboard = session.condition == ON_KEYBOARD
        if on_keyboard:
            spans = [(k.start, k.start) for k in session.keystrokes]
        else:
            spans = [(p.start, p.end) for p in session.prompts]
    pauses = [(b - a, (a + b) / 2 - start) for (_, a), (b, _) in pairwise(spans)]
    if not pauses:
        raise InputError(
            f"{path} has {len(spans)} {'key presses' if on_keyboard else 'prompts'}, expected enough to learn from "
            "some and to hold out others: name a longer recording"
        )
    target = (1 - _HELD_OUT_SHARE) * seconds
    near = [pause for pause in pauses if abs(pause[1] - target) <= _SEARCH_SHARE * seconds]
    _, border = max(near) if near else min(pauses, key=lambda pause: abs(pause[1] - target))
    return _part(path, 0.0, border - context / rate, 0), _part(path, border - context / rate, seconds, context)


def _part(path: Path, begin: float, end: float, context: int) -> Part:
    """Make the part from `begin` to `end` s after the session's start; `context` samples have no labels."""
    with SessionReader(path) as session:
        start, rate = session.start, session.layout.rate
        first, last = session.index(start + begin), session.index(float(np.nextafter(start + end, np.inf)))
        if last - first <= context:
            raise InputError(
                f"{path} has {end - begin:.1f} s from {begin:.1f} s on, expected more than {context / rate:.1f} s: "
                "name a longer recording"
            )
        labels = session.labels(start + begin + context / rate, start + end)
        if not labels:
            missing = "key press" if session.condition == ON_KEYBOARD else "prompt"
            raise InputError(
                f"{path} has no {missing} between {begin:.0f} and {end:.0f} s, and nothing can be learned from signals "
                "alone: name another recording"
            )
        return Part(path, session.name, first, last, tuple(labels), (end - begin) / 60)


class HeldOut(Dataset[tuple[Tensor, list[int]]]):
    """Held-out parts as `training.run.module` validates on: (samples, bands, electrodes) and the typed labels."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: int) -> tuple[Tensor, list[int]]:
        part = self._parts[index]
        with SessionReader(part.path) as session:
            return torch.from_numpy(session.read(part.first, part.last).samples), list(part.labels)


@dataclass(frozen=True, slots=True)
class _Example:
    """A stretch of samples from which windows are cut, or a prompt that is a window."""

    part: Part
    first: int
    last: int
    labels: np.ndarray
    """(L,) labels."""
    presses: np.ndarray
    """(L,) presses in samples, fractional; NaN where only the prompt is known."""


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """Sizes of a training window, in samples."""

    labelled: int
    """Samples of the labelled part, where the times of the keys are known."""
    past: int
    """Samples of context before the labelled part."""
    future: int
    """Samples after the labelled part; they let the model emit late by as much."""


class PersonWindows(Dataset[TrainingWindow]):
    """Random windows: any stretch of a part if the times of its keys are known, otherwise a whole prompt.

    A session without key presses gives (N, L) presses of NaN: the frames of its keys are not known.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        stft: StftFacts,
        augmentation: Augmentation,
        *,
        sizes: WindowSizes,
        count: int,
        seed: int,
    ) -> None:
        """Read the frames of the parts.

        Args:
            parts: Parts from which windows are cut.
            stft: Constants of the base model's front end.
            augmentation: Applied to every window.
            sizes: Sizes of a window.
            count: Number of windows of an epoch, each drawn anew.
            seed: Seed of the draws.
        """
        self._stft, self._augmentation = stft, augmentation
        self._sizes, self._count = sizes, count
        self._rng = torch.Generator().manual_seed(seed)
        self.frames = CachedFrames([part.path for part in parts], stft)
        self._examples = [example for part in parts for example in _examples(part)]
        spans = torch.tensor([float(e.last - e.first) for e in self._examples])
        self._shares = spans / spans.sum()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, _index: int) -> TrainingWindow:
        hop, rng, sizes = self._stft.hop, self._rng, self._sizes
        example = self._examples[int(torch.multinomial(self._shares, 1, generator=rng))]
        first, last, part = example.first, example.last, example.part
        labels, presses = example.labels, example.presses
        if not np.isnan(presses).any():
            room = max(1, last - first - sizes.labelled)
            first += int(torch.randint(room, (1,), generator=rng))
            last = min(last, first + sizes.labelled)
            labelled = slice(*np.searchsorted(presses, [first, last]))
            labels, presses = labels[labelled], presses[labelled]
        begin = max(part.first, first - sizes.past) // hop * hop
        end = min(part.last, last + sizes.future)
        frames = self.frames.window(part.path, begin, end, self._augmentation, rng)
        # Newest sample of the first frame.
        newest = begin + self._stft.window - 1
        return TrainingWindow(
            frames=self._augmentation.spectrogram(frames, rng),
            labels=torch.from_numpy(labels),
            presses=torch.from_numpy((presses - newest) / hop),
            first=max(0, (first - newest) // hop),
        )


def _examples(part: Part) -> list[_Example]:
    with SessionReader(part.path) as session:
        if session.condition == ON_KEYBOARD:
            times = np.concatenate([chunk.times for chunk in session.chunks()])
            presses, labels = presses_in_samples(session.keystrokes, times)
            return [_Example(part, part.first, part.last, labels, presses)]
        examples: list[_Example] = []
        for prompt in session.prompts:
            first, last = session.index(prompt.start), session.index(prompt.end)
            if part.first <= first < last <= part.last and prompt.end - prompt.start <= _LONGEST_S:
                labels = np.array(prompt_labels(prompt.text), dtype=np.int64)
                examples.append(_Example(part, first, last, labels, np.full(len(labels), np.nan)))
    if not examples:
        raise InputError(
            f"no prompt of {part.path} was typed within {_LONGEST_S:g} s: expected prompts of a few words each"
        )
    return examples
