"""Signals of two hands made by hand: noise at rest, bursts for keys, a steady roar for fists."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from messages.model_facts import CtcFacts, EncoderFacts, ModelFacts, StftFacts
from messages.signal import F64, Chunk, Frames, Layout
from streamer.front_end.stft import Spectrogram

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
FACTS = ModelFacts("made", "Apache-2.0", LAYOUT, StftFacts(), EncoderFacts(4, 10), CtcFacts(("a", "b", "⌫"), 3))
# Root mean squares, in units of the rest.
REST, POSTURE, KEY, FIST = 1.0, 3.0, 8.0, 12.0
Part = tuple[float, float, float]
"""Seconds, and how loud the left and the right band are."""
FINGERS: list[Part] = [
    (0.12, POSTURE, POSTURE),
    (0.06, KEY, POSTURE),
    (0.12, POSTURE, POSTURE),
    (0.06, POSTURE, KEY),
]
"""Two keystrokes, one of each hand."""


def envelope(parts: Sequence[Part]) -> F64:
    """Return how loud each band is in every sample: (samples, bands)."""
    return np.concatenate([np.tile([left, right], (round(s * LAYOUT.rate), 1)) for s, left, right in parts])


def signal(parts: Sequence[Part], seed: int = 0) -> Chunk:
    """Return noise as loud as the parts say."""
    loud = envelope(parts)
    samples = loud[:, :, None] * np.random.default_rng(seed).normal(size=(*loud.shape, LAYOUT.electrodes))
    return Chunk(samples.astype(np.float32), np.arange(len(loud)) / LAYOUT.rate, LAYOUT)


def frames_of(chunk: Chunk) -> Frames:
    """Return all frames of a signal."""
    return Spectrogram(FACTS.front_end, LAYOUT).push(chunk)


def pieces(chunk: Chunk, cuts: Sequence[int] | npt.NDArray[np.integer]) -> list[Chunk]:
    """Cut a signal at these samples."""
    parts = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, LAYOUT) for samples, times in parts]


def plain(state: Any) -> Any:
    """Return a stage's state as nested lists, which can be compared."""
    if is_dataclass(state):
        return [(field.name, plain(getattr(state, field.name))) for field in fields(state)]
    return state.tolist() if isinstance(state, np.ndarray) else state
