"""Make emissions from key sequences: peaky as those of a well trained encoder, or flat as those of a poor one."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from adapters.bundles.language_tables import read_tables
from decoder.language.flat import FlatTables
from decoder.language.model import LanguageModelFacts
from emgtype.places import LM_FACTS, LM_TABLES
from emgtype.texts import load_text
from messages.charset import BLANK, CLASSES, key_name_to_label
from messages.emission import Emission
from simulator.text import word_prompts
from simulator.typist import random_typist, type_prompts

Keys = list[tuple[int, float]]
"""(label, seconds)"""
FRAME = 0.008
KINDS = {"peaky": False, "flat": True}
SESSION = 5.0
"""Minutes after which another simulated typist goes on."""


def typed_keys(minutes: float, rng: np.random.Generator) -> Keys:
    """Return (label, seconds) of prompts that simulated typists type, with typos and ⌫.

    The text is in no shipped language model.
    """
    paragraphs, keys = load_text("test"), list[tuple[int, float]]()
    for start in np.arange(1, 1 + 60 * minutes, 60 * SESSION).tolist():
        prompts = word_prompts(paragraphs, int(rng.integers(2**31)))
        pressed, _ = type_prompts(prompts, random_typist(rng), rng, start, min(start + 60 * SESSION, 60 * minutes))
        keys += [(k.label, k.start) for k in pressed if k.label is not None]
    return keys


def recorded_keys(path: Path, minutes: float) -> Keys:
    """Return (label, seconds) of the file's first sessions, with pauses cut to 2 s."""
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
    """Return log-probabilities that spell the keys: a bump of frames at each, now and then higher for a wrong key."""
    blank, noise, height, slip = (7.0, 1.2, 10.0, 3.5) if flat else (12.0, 1.0, 15.0, 5.0)
    frames = int(keys[-1][1] / FRAME) + 250
    logits = rng.normal(0, noise, (frames, CLASSES))
    logits[:, BLANK] += blank
    for label, at in keys:
        centre = at / FRAME + rng.normal(0, 1)
        near = np.arange(int(centre) - 2, int(centre) + 4)
        bump = np.exp(-0.5 * ((near - centre) / 1.2) ** 2)
        logits[near, label] += height * bump
        # Three other keys get a part of the probability.
        for rival in rng.integers(0, 97, 3):
            logits[near, rival] += bump * (height - slip + rng.normal(0, 1.5))
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(logits.astype(np.float32), np.arange(frames, dtype=np.float64) * FRAME)


def minutes_of(keys: Keys) -> Iterable[Keys]:
    """Yield recordings of a minute, each from 1 s on."""
    recordings: dict[int, Keys] = {}
    for label, at in keys:
        recordings.setdefault(int(at // 60), []).append((label, 1 + at % 60))
    return recordings.values()


def add_key_options(parser: ArgumentParser, minutes: float) -> None:
    """Add --keys, --minutes, --seed and --lm, which all benchmarks of the decoder have."""
    parser.add_argument("--lm", type=Path, default=Path("exported/demo"), help="folder of a language model")
    parser.add_argument("--keys", type=Path, help="recorded keys (npz: onset, key, key_names, session)")
    parser.add_argument("--minutes", type=float, default=minutes, help="of typing; simulated where --keys names none")
    parser.add_argument("--seed", type=int, default=0)


def load_keys(options: Namespace, minutes: float, rng: np.random.Generator) -> Keys:
    """Return the recorded keys of --keys, or without it those of simulated typists."""
    return recorded_keys(options.keys, minutes) if options.keys else typed_keys(minutes, rng)


def load_language_model(folder: Path) -> tuple[LanguageModelFacts, FlatTables]:
    """Return the facts and tables of the model that --lm names."""
    facts = LanguageModelFacts.from_json((folder / LM_FACTS).read_text(encoding="utf-8"))
    return facts, read_tables(folder / LM_TABLES)
