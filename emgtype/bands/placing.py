"""Finds how the bands sit by a model's answers, for wearers of whom no reference was saved.

A search over the places of one band at a time, which begins with all bands as they are:

1. For each band in turn, the frames are moved to every place, rolled by whole electrodes, mirrored or not, and encoded.
   A place scores by how sure the model is of the keys that it decodes, or if the typed keys are known, by their
   likelihood.
2. The scores are smoothed over neighbouring rolls, because models are trained to bear a band that is turned by an
   electrode and score flat around the best place. The band stays at the place with the best one.
3. The first band is searched again at the end, now that the others sit well.

The result is mostly right about the side, and not exact about the electrode (python -m benchmarks.rotation).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emgtype.models.bundle import Bundle
from emgtype.models.pipelines import OFFLINE
from messages.emission import Emission
from messages.signal import F32, F64, Chunk, Frames
from streamer.conditioning.placement import Placement
from streamer.encoder.choice import open_encoder
from streamer.front_end.choice import open_front_end
from streamer.stages import FrameEncoder

SECONDS = 30.0
"""Seconds of typing that a model needs to tell how the bands sit."""
_NEIGHBOURS = {-1: 0.25, 0: 0.5, 1: 0.25}
"""Weights of the scores of a roll and of its two neighbours."""
_IMPOSSIBLE = -1e30
"""Stands for the logarithm of 0: unlike minus infinity it can be subtracted from itself."""


@dataclass(frozen=True, slots=True, eq=False)
class TypedSignal:
    """A stretch of signal, and what was typed in it if that is known."""

    chunk: Chunk
    """Samples in the layout of the model."""
    labels: tuple[int, ...] = ()
    """Labels of the typed keys, each far enough from the ends for the model to see it whole; empty: unknown."""


def likeliest_placements(
    bundle: Bundle, typed: TypedSignal, advance: Callable[[], None] = lambda: None
) -> tuple[Placement, ...]:
    """Return the placement of each band with which a model is surest of its keys, or of the typed ones.

    `advance` is called after each of the `steps`.
    """
    encoder = open_encoder(str(bundle.encoder), OFFLINE, bundle.facts)
    frames = open_front_end(bundle.facts.front_end, bundle.facts.layout).push(typed.chunk)
    electrodes = bundle.facts.layout.electrodes
    placements = [Placement() for _ in bundle.facts.layout.sides]
    for band in _search_order(len(placements)):
        scores = np.empty((2, electrodes))
        for mirror in (False, True):
            for roll in range(electrodes):
                placements[band] = Placement(roll, mirror)
                log_probs = _encode(encoder, replace(frames, values=_moved(frames.values, placements)))
                scores[int(mirror), roll] = _score(log_probs, bundle.facts.decoder.blank, typed.labels)
                advance()
        smooth = sum(weight * np.roll(scores, place, axis=1) for place, weight in _NEIGHBOURS.items())
        mirrored, best = np.unravel_index(int(np.argmax(smooth)), scores.shape)
        half = electrodes // 2
        placements[band] = Placement(int((best + half) % electrodes) - half, bool(mirrored))
    return tuple(placements)


def steps(bands: int, electrodes: int) -> int:
    """Return how often a search calls `advance`."""
    return 2 * electrodes * len(_search_order(bands))


def _search_order(bands: int) -> list[int]:
    """Return the bands in the order of the search: the first once more when the others have their places."""
    return [*range(bands), 0]


def _moved(frames: F32, placements: Sequence[Placement]) -> F32:
    """Move frames (F, bands, electrodes, bins) as their samples would be: each electrode's frames are its own."""
    bands = [frames[:, band, placement.order(frames.shape[2])] for band, placement in enumerate(placements)]
    return np.stack(bands, axis=1)


def _encode(encoder: FrameEncoder, frames: Frames) -> F64:
    """Return (F, classes) natural-log probabilities."""
    encoder.reset()
    emissions: list[Emission] = []
    for first in range(0, len(frames.times), encoder.hop):
        emissions.append(encoder.push(frames[first : first + encoder.hop]))
    emissions.append(encoder.finish())
    return np.concatenate([emission.log_probs.astype(np.float64) for emission in emissions])


def _score(log_probs: F64, blank: int, labels: Sequence[int]) -> float:
    """Return how sure the model is of the keys that it decodes, or how likely it finds the typed ones."""
    if labels:
        return likelihood(log_probs, labels, blank)
    best = log_probs.argmax(axis=1)
    is_key = best != blank
    return float(log_probs[is_key, best[is_key]].mean()) if is_key.any() else _IMPOSSIBLE


def likelihood(log_probs: F64, labels: Sequence[int], blank: int) -> float:
    """Return the natural-log probability of the labels over all paths: CTC's forward pass (Graves et al. 2006).

    Args:
        log_probs: (F, classes) natural log.
        labels: Labels of at least one key.
        blank: The class that means no key.
    """
    path = np.full(2 * len(labels) + 1, blank)
    path[1::2] = labels
    # A path may skip the blank between two keys, unless they are the same.
    skips = np.zeros(len(path), np.bool_)
    skips[3::2] = path[3::2] != path[1:-2:2]
    forward = np.full(len(path), _IMPOSSIBLE)
    forward[:2] = log_probs[0, path[:2]]
    for row in log_probs[1:]:
        one = np.concatenate([[_IMPOSSIBLE], forward[:-1]])
        two = np.concatenate([[_IMPOSSIBLE, _IMPOSSIBLE], forward[:-2]])
        forward = np.logaddexp(np.logaddexp(forward, one), np.where(skips, two, _IMPOSSIBLE)) + row[path]
    return float(np.logaddexp(forward[-1], forward[-2]))
