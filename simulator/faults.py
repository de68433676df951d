"""Faults of the signal: chunks in, chunks out; the input is not changed.

Each value depends on the sample and its time alone. So the output does not depend on how the input was cut, and a fault
may begin and end with any chunk.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from messages.signal import F32, Chunk
from streamer.conditioning.placement import Placement


def dead(chunk: Chunk, band: int, electrodes: Sequence[int], remains: float = 0.0) -> Chunk:
    """Take the contact from some electrodes of a band: nothing remains, or a share (0 to 1) of the signal."""
    samples = chunk.samples.copy()
    samples[:, band, list(electrodes)] *= np.float32(remains)
    return replace(chunk, samples=samples)


def hum(chunk: Chunk, microvolts: float, frequency: float = 50.0, bands: Sequence[int] | None = None) -> Chunk:
    """Add mains hum: each electrode gets half of the amplitude (µV) to all of it, with either sign."""
    bands = range(chunk.layout.bands) if bands is None else bands
    share = np.linspace(0.5, 1.0, chunk.layout.electrodes) * np.where(np.arange(chunk.layout.electrodes) % 3, 1, -1)
    wave = microvolts * np.sin(2 * np.pi * frequency * chunk.times)[:, None] * share
    samples = chunk.samples.copy()
    for band in bands:
        samples[:, band] += wave.astype(np.float32)
    return replace(chunk, samples=samples)


def noisy(chunk: Chunk, band: int, electrode: int, microvolts: float) -> Chunk:
    """Let the contact of an electrode crackle: add white noise of this level (µV rms)."""
    samples = chunk.samples.copy()
    samples[:, band, electrode] += microvolts * _noise(chunk, band * chunk.layout.electrodes + electrode)
    return replace(chunk, samples=samples)


def saturated(chunk: Chunk, limit: float, band: int, electrodes: Sequence[int]) -> Chunk:
    """Clip some electrodes of a band at ± `limit` µV, as a saturated amplifier does."""
    samples = chunk.samples.copy()
    samples[:, band, list(electrodes)] = np.clip(samples[:, band, list(electrodes)], -limit, limit)
    return replace(chunk, samples=samples)


def not_finite(chunk: Chunk, band: int, electrode: int) -> Chunk:
    """Let an electrode send NaN."""
    samples = chunk.samples.copy()
    samples[:, band, electrode] = np.nan
    return replace(chunk, samples=samples)


def worn(chunk: Chunk, placements: Sequence[Placement]) -> Chunk:
    """Put bands on wrongly, so that each placement, as a correction, would put its band right."""
    samples = np.empty_like(chunk.samples)
    for band, place in enumerate(placements):
        samples[:, band, place.order(chunk.layout.electrodes)] = chunk.samples[:, band]
    return replace(chunk, samples=samples)


def louder(chunk: Chunk, band: int, gain: float) -> Chunk:
    """Give a band's amplifier another gain."""
    samples = chunk.samples.copy()
    samples[:, band] *= np.float32(gain)
    return replace(chunk, samples=samples)


def _noise(chunk: Chunk, seed: int) -> F32:
    """Return white noise (T,) of rms 1, the same for the same times: a hash of each sample's number."""
    number = np.round(chunk.times * chunk.layout.rate).astype(np.int64).astype(np.uint64)
    mixed = (number + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
    return np.asarray((uniform - 0.5) * np.sqrt(12), np.float32)
