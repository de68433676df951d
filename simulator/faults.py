"""Faults of the signal on demand: chunks in, chunks out. What a sample becomes depends on it and its time alone.

So no cut of the input shows, and a fault may begin and end with any chunk. The input is left as it is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from messages.signal import Chunk
from streamer.conditioning.placement import Placement

FloatArray = npt.NDArray[np.float32]


def dead(chunk: Chunk, band: int, electrodes: Sequence[int], remains: float = 0.0) -> Chunk:
    """Electrodes that lost their contact: constant, or with a share of what the muscles give."""
    samples = chunk.samples.copy()
    samples[:, band, list(electrodes)] *= np.float32(remains)
    return replace(chunk, samples=samples)


def hum(chunk: Chunk, microvolts: float, frequency: float = 50.0, bands: Sequence[int] | None = None) -> Chunk:
    """Mains hum of an amplitude: each electrode gets half of it to all, with either sign."""
    bands = range(chunk.layout.bands) if bands is None else bands
    share = np.linspace(0.5, 1.0, chunk.layout.electrodes) * np.where(np.arange(chunk.layout.electrodes) % 3, 1, -1)
    wave = microvolts * np.sin(2 * np.pi * frequency * chunk.times)[:, None] * share
    samples = chunk.samples.copy()
    for band in bands:
        samples[:, band] += wave.astype(np.float32)
    return replace(chunk, samples=samples)


def noisy(chunk: Chunk, band: int, electrode: int, microvolts: float) -> Chunk:
    """A contact that crackles: white noise of this rms on top."""
    samples = chunk.samples.copy()
    samples[:, band, electrode] += microvolts * _noise(chunk, band * chunk.layout.electrodes + electrode)
    return replace(chunk, samples=samples)


def saturated(chunk: Chunk, limit: float, band: int, electrodes: Sequence[int]) -> Chunk:
    """Electrodes that the amplifier clips at ±limit."""
    samples = chunk.samples.copy()
    samples[:, band, list(electrodes)] = np.clip(samples[:, band, list(electrodes)], -limit, limit)
    return replace(chunk, samples=samples)


def not_finite(chunk: Chunk, band: int, electrode: int) -> Chunk:
    """An electrode that sends what is no number."""
    samples = chunk.samples.copy()
    samples[:, band, electrode] = np.nan
    return replace(chunk, samples=samples)


def worn(chunk: Chunk, placements: Sequence[Placement]) -> Chunk:
    """Bands put on wrongly: what each placement, given as a correction, would put right."""
    samples = np.empty_like(chunk.samples)
    for band, place in enumerate(placements):
        samples[:, band, place.order(chunk.layout.electrodes)] = chunk.samples[:, band]
    return replace(chunk, samples=samples)


def louder(chunk: Chunk, band: int, gain: float) -> Chunk:
    """A band whose amplifier has another gain."""
    samples = chunk.samples.copy()
    samples[:, band] *= np.float32(gain)
    return replace(chunk, samples=samples)


def _noise(chunk: Chunk, seed: int) -> FloatArray:
    """(T,) white noise of rms 1, the same for the same times: a hash of the sample's number."""
    number = np.round(chunk.times * chunk.layout.rate).astype(np.int64).astype(np.uint64)
    mixed = (number + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
    return np.asarray((uniform - 0.5) * np.sqrt(12), np.float32)
