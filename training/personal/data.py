"""One person's sessions for personalisation: what is held out, and random windows of the rest."""

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
from training.data.windows import Window
from training.recipe.augment import Augmentation

_HELD_OUT = 0.2
"""Share of a session's time that is held out where no whole session can be spared."""
_SEARCH = 0.05
"""Share of a session's time by which that may be more or less, so that the border falls into a pause."""
_SPARED = 3
"""Sessions from which on the last one is held out whole: of fewer, each is worth more as an example of a donning."""
_LONGEST = 30.0
"""Seconds: a prompt that took longer held a pause, and would cost a batch its memory."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a session, in samples."""

    path: Path
    name: str
    first: int
    last: int
    """Exclusive."""
    labels: tuple[int, ...]
    """What was typed behind the first `context` frames of the part."""
    minutes: float


@dataclass(frozen=True, slots=True)
class Parts:
    """What is trained on and what is held out: by session or by time, never overlapping, contexts included."""

    training: tuple[Part, ...]
    held_out: tuple[Part, ...]

    @property
    def held_out_id(self) -> str:
        """Twelve hex digits: equal for the same held-out data, wherever its files lie."""
        facts = [(p.name, p.first, p.last, p.labels) for p in self.held_out]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def split_sessions(paths: Sequence[Path], layout: Layout, context: int, minutes: float | None = None) -> Parts:
    """Hold out the last session whole, or, of fewer than three, the end of each.

    Args:
        paths: One person's sessions, oldest first.
        layout: What the base model was trained on.
        context: Samples before the first emission: they lie on the held-out side of a border, and nothing is trained
            on them.
        minutes: Use no more than the first so many minutes; None: all.

    Raises:
        InputError: Sessions of several people or of another layout, named twice, too short, or without a key.
    """
    if not paths:
        raise InputError("no session to learn from: name at least one recording of the person with --session")
    taken: list[tuple[Path, float]] = []
    users: set[str] = set()
    left = np.inf if minutes is None else 60 * minutes
    for path in paths:
        with SessionReader(path) as session:
            if session.layout != layout:
                raise InputError(f"{path} holds {session.layout}, but the base was trained on {layout}: record again")
            users |= {session.user} - {""}
            if any(path.samefile(other) for other, _ in taken):
                raise InputError(f"the session {path} is named twice: name each recording once")
            if left > 0:
                taken.append((path, min(left, session.end - session.start)))
                left -= session.end - session.start
    if len(users) > 1:
        raise InputError(f"the sessions are of the users {', '.join(sorted(users))}: name those of one person")
    if len(taken) >= _SPARED:
        training = [_part(path, 0.0, seconds, 0) for path, seconds in taken[:-1]]
        return Parts(tuple(training), (_part(*_whole(taken[-1]), context),))
    halves = [_cut(path, seconds, context) for path, seconds in taken]
    return Parts(tuple(a for a, _ in halves), tuple(b for _, b in halves))


def _whole(session: tuple[Path, float]) -> tuple[Path, float, float]:
    return session[0], 0.0, session[1]


def _cut(path: Path, seconds: float, context: int) -> tuple[Part, Part]:
    """A session's beginning, and its end, whose first emission falls into the longest pause around the border."""
    with SessionReader(path) as session:
        start, rate = session.start, session.layout.rate
        typed = session.condition == ON_KEYBOARD
        spans = (
            [(k.start, k.start) for k in session.keystrokes] if typed else [(p.start, p.end) for p in session.prompts]
        )
    pauses = [(b - a, (a + b) / 2 - start) for (_, a), (b, _) in pairwise(spans)]
    wanted = (1 - _HELD_OUT) * seconds
    near = [pause for pause in pauses if abs(pause[1] - wanted) <= _SEARCH * seconds]
    if not pauses:
        raise InputError(
            f"{path} has {len(spans)} {'key presses' if typed else 'prompts'}, expected enough to learn from some and "
            "to hold out others: name a longer recording"
        )
    _, border = max(near) if near else min(pauses, key=lambda pause: abs(pause[1] - wanted))
    return _part(path, 0.0, border - context / rate, 0), _part(path, border - context / rate, seconds, context)


def _part(path: Path, begin: float, end: float, context: int) -> Part:
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
            what = "key press" if session.condition == ON_KEYBOARD else "prompt"
            raise InputError(
                f"{path} has no {what} between {begin:.0f} and {end:.0f} s: without what was typed nothing can be "
                "learned from it; name another recording"
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
    """What a window may be cut from, in samples."""

    part: Part
    first: int
    last: int
    labels: np.ndarray
    """(L,) labels."""
    presses: np.ndarray
    """(L,) samples, fractional; NaN where only the prompt is known."""


class PersonWindows(Dataset[Window]):
    """Random windows: any stretch of a part where key times are known, else a whole prompt.

    A session without key presses gives (N, L) presses of NaN: the frames of its keys are not known.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        constants: StftFacts,
        augmentation: Augmentation,
        *,
        count: int,
        window: int,
        past: int,
        future: int,
        seed: int,
    ) -> None:
        """Read the parts' frames.

        Args:
            parts: What to cut from.
            constants: Front end of the base model.
            augmentation: Applied to every window.
            count: Windows that are one epoch, each drawn anew.
            window: Samples whose presses are the labels of one window.
            past: Samples of context before it.
            future: Samples after it; they let the model emit late by as much.
            seed: Of the draws.
        """
        self._constants, self._augmentation = constants, augmentation
        self._count, self._window, self._past, self._future = count, window, past, future
        self._rng = torch.Generator().manual_seed(seed)
        self.frames = CachedFrames([part.path for part in parts], constants)
        self._examples = [example for part in parts for example in _examples(part)]
        spans = torch.tensor([float(e.last - e.first) for e in self._examples])
        self._shares = spans / spans.sum()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, _index: int) -> Window:
        hop, rng = self._constants.hop, self._rng
        example = self._examples[int(torch.multinomial(self._shares, 1, generator=rng))]
        first, last, part = example.first, example.last, example.part
        labels, presses = example.labels, example.presses
        if not np.isnan(presses).any():
            room = max(1, last - first - self._window)
            first += int(torch.randint(room, (1,), generator=rng))
            last = min(last, first + self._window)
            labelled = slice(*np.searchsorted(presses, [first, last]))
            labels, presses = labels[labelled], presses[labelled]
        begin = max(part.first, first - self._past) // hop * hop
        end = min(part.last, last + self._future)
        frames = self.frames.window(part.path, begin, end, self._augmentation, rng)
        newest = begin + self._constants.window - 1  # sample of the first frame
        return Window(
            frames=self._augmentation.spectrogram(frames, rng),
            labels=torch.from_numpy(labels),
            presses=torch.from_numpy((presses - newest) / hop),
            first=max(0, (first - newest) // hop),
        )


def _examples(part: Part) -> list[_Example]:
    with SessionReader(part.path) as session:
        if session.condition == ON_KEYBOARD:
            times = np.concatenate([chunk.times for chunk in session.chunks()])
            keys = [(k.start, k.label) for k in session.keystrokes if k.label is not None]
            presses = np.interp([t for t, _ in keys], times, np.arange(len(times)), left=-np.inf, right=np.inf)
            labels = np.array([label for _, label in keys], dtype=np.int64)
            return [_Example(part, part.first, part.last, labels, presses)]
        examples: list[_Example] = []
        for prompt in session.prompts:
            first, last = session.index(prompt.start), session.index(prompt.end)
            if part.first <= first < last <= part.last and prompt.end - prompt.start <= _LONGEST:
                labels = np.array(prompt_labels(prompt.text), dtype=np.int64)
                examples.append(_Example(part, first, last, labels, np.full(len(labels), np.nan)))
    if not examples:
        raise InputError(
            f"no prompt of {part.path} was typed within {_LONGEST:g} s: expected prompts of a few words each"
        )
    return examples
