"""Emissions made from key sequences: peaky as those of a well trained encoder, or flat as those of a poor one."""

import gzip
from pathlib import Path

import numpy as np

from decoder.charset import BACKSPACE, BLANK, CLASSES, LABELS, key_name_to_label, text_to_labels
from decoder.messages import Emission

Keys = list[tuple[int, float]]
"""(label, seconds)"""
FRAME = 0.008


def typed_text(text: str, minutes: float, rng: np.random.Generator) -> Keys:
    """(label, seconds) of a text typed with log-normal intervals and 3 % typos, each followed by a ⌫."""
    keys: Keys = []
    now = 1.0
    for label in text_to_labels(text):
        typo = [int(rng.integers(26)), LABELS[BACKSPACE]] if rng.random() < 0.03 else []
        for pressed in [*typo, label]:
            keys.append((pressed, now))
            now += 0.5 if pressed == LABELS[BACKSPACE] else float(np.exp(rng.normal(-1.89, 0.56)))
        if now > 60 * minutes:
            break
    return keys


def recorded_keys(path: Path, minutes: float) -> Keys:
    """(label, seconds) of the file's first sessions, pauses cut to 2 s."""
    with np.load(path) as file:
        onset, key, session = file["onset"], file["key"], file["session"]
        labels = [key_name_to_label(str(name)) for name in file["key_names"]]
    onset = onset[np.argsort(session, kind="stable")]
    steps = np.clip(np.diff(onset, prepend=onset[0]), 0.0, 2.0)
    times = 1 + np.cumsum(steps)
    return [
        (label, t)
        for k, t in zip(key, times.tolist(), strict=True)
        if t < 60 * minutes and (label := labels[k]) is not None
    ]


def emissions(keys: Keys, flat: bool, rng: np.random.Generator) -> Emission:
    """Log-probabilities that spell the keys: a bump of a few frames at each, sometimes higher for a wrong key."""
    blank, noise, height, slip = (7.0, 1.2, 10.0, 3.5) if flat else (12.0, 1.0, 15.0, 5.0)
    frames = int(keys[-1][1] / FRAME) + 250
    logits = rng.normal(0, noise, (frames, CLASSES))
    logits[:, BLANK] += blank
    for label, at in keys:
        centre = at / FRAME + rng.normal(0, 1)
        near = np.arange(int(centre) - 2, int(centre) + 4)
        bump = np.exp(-0.5 * ((near - centre) / 1.2) ** 2)
        logits[near, label] += height * bump
        for rival in rng.integers(0, 97, 3):  # neighbours of the key
            logits[near, rival] += bump * (height - slip + rng.normal(0, 1.5))
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(logits.astype(np.float32), np.arange(frames, dtype=np.float64) * FRAME)


def load_keys(path: Path | None, minutes: float, rng: np.random.Generator) -> Keys:
    """Recorded keys of a file, or without one those of the repository's text."""
    if path:
        return recorded_keys(path, minutes)
    with gzip.open("data/english.txt.gz", "rt", encoding="utf-8") as file:
        return typed_text(file.read(400_000 + round(20_000 * minutes))[300_000:], minutes, rng)
