"""How the bands sit, by what a model says: for whom no reference was saved. Sure of the side, not of the electrode.

Models are trained to bear a band that is turned by an electrode, so they can hardly tell one from the next
(python -m benchmarks.rotation prints how well they do).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from emgtype.models.bundle import Bundle
from emgtype.models.pipelines import OFFLINE
from messages.emission import Emission
from messages.signal import Chunk, Frames
from streamer.conditioning.placement import Placement
from streamer.encoder.choice import open_encoder
from streamer.front_end.choice import open_front_end
from streamer.stages import FrameEncoder

FloatArray = npt.NDArray[np.float64]

SECONDS = 30.0
"""Of typing, from which a model can tell."""
_ROUNDS = ((0, 1), (0,))  # bands in the order of the search: the first is looked at again when the others are known
_SMOOTH = (0.25, 0.5, 0.25)  # over neighbouring rolls: a model that bears one electrode is flat around the best
_IMPOSSIBLE = -1e30


@dataclass(frozen=True, slots=True)
class Typed:
    """A stretch of signal, and what was typed in it where that is known."""

    chunk: Chunk
    labels: tuple[int, ...] = ()
    """Keys whose presses the model hears in full; empty: not known."""


def placements(bundle: Bundle, typed: Typed, advance: Callable[[], None] = lambda: None) -> tuple[Placement, ...]:
    """Of each band: what makes the model the surest, or with labels, what makes them the likeliest.

    `advance` is called after each of the `steps`.
    """
    encoder = open_encoder(str(bundle.encoder), OFFLINE, bundle.facts)
    frames = open_front_end(bundle.facts.front_end, bundle.facts.layout).push(typed.chunk)
    electrodes = bundle.facts.layout.electrodes
    found = [Placement() for _ in bundle.facts.layout.sides]
    for band in _order(len(found)):
        scores = np.empty((2, electrodes))
        for mirror in (False, True):
            for roll in range(electrodes):
                found[band] = Placement(roll, mirror)
                emission = _encoded(encoder, replace(frames, values=_corrected(frames.values, found)))
                scores[int(mirror), roll] = _score(emission, bundle.facts.decoder.blank, typed.labels)
                advance()
        smooth = sum(weight * np.roll(scores, place, axis=1) for place, weight in zip((-1, 0, 1), _SMOOTH, strict=True))
        mirrored, best = np.unravel_index(int(np.argmax(smooth)), scores.shape)
        half = electrodes // 2
        found[band] = Placement(int((best + half) % electrodes) - half, bool(mirrored))
    return tuple(found)


def steps(bands: int, electrodes: int) -> int:
    """How often a search calls `advance`."""
    return 2 * electrodes * len(list(_order(bands)))


def _order(bands: int) -> Iterator[int]:
    return (band for turn in _ROUNDS for band in (range(bands) if len(turn) > 1 else turn))


def _corrected(frames: npt.NDArray[np.float32], places: Sequence[Placement]) -> npt.NDArray[np.float32]:
    """(F, bands, electrodes, bins): each electrode's frames are its own, so they can be moved as its samples are."""
    ordered = [frames[:, band, place.order(frames.shape[2])] for band, place in enumerate(places)]
    return np.stack(ordered, axis=1)


def _encoded(encoder: FrameEncoder, frames: Frames) -> FloatArray:
    """(F, classes) natural-log probabilities."""
    encoder.reset()
    parts: list[Emission] = []
    for first in range(0, len(frames.times), encoder.hop):
        part = slice(first, first + encoder.hop)
        parts.append(encoder.push(Frames(frames.values[part], frames.times[part], frames.missing[part])))
    parts.append(encoder.finish())
    return np.concatenate([part.log_probs.astype(np.float64) for part in parts])


def _score(log_probs: FloatArray, blank: int, labels: Sequence[int]) -> float:
    """How sure the model is of the keys that it hears, or how likely it finds the ones typed."""
    if labels:
        return likelihood(log_probs, labels, blank)
    best = log_probs.argmax(axis=1)
    heard = best != blank
    return float(log_probs[heard, best[heard]].mean()) if heard.any() else _IMPOSSIBLE


def likelihood(log_probs: FloatArray, labels: Sequence[int], blank: int) -> float:
    """Natural-log probability of the labels, over all their paths: the forward pass of CTC (Graves et al. 2006).

    Args:
        log_probs: (F, classes) natural log.
        labels: At least one.
        blank: Class of no key.
    """
    path = np.full(2 * len(labels) + 1, blank)
    path[1::2] = labels
    skips = np.zeros(len(path), np.bool_)  # from one key to the next without a blank, unless they are the same
    skips[3::2] = path[3::2] != path[1:-2:2]
    forward = np.full(len(path), _IMPOSSIBLE)
    forward[:2] = log_probs[0, path[:2]]
    for row in log_probs[1:]:
        one = np.concatenate([[_IMPOSSIBLE], forward[:-1]])
        two = np.concatenate([[_IMPOSSIBLE, _IMPOSSIBLE], forward[:-2]])
        forward = np.logaddexp(np.logaddexp(forward, one), np.where(skips, two, _IMPOSSIBLE)) + row[path]
    return float(np.logaddexp(forward[-1], forward[-2]))
