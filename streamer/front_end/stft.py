"""Incremental log-power spectrogram: the front end of the emg2qwerty models."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from messages.model_facts import StftFacts
from messages.signal import F32, Chunk, Frames, Layout

_TOLERATED = 0.125
"""Share of a frame's window that may be missing before the frame is: one lost sample does not cost four frames."""


@dataclass(frozen=True, slots=True)
class SpectrogramState:
    """Samples kept for the next frame."""

    samples: F32
    """(T, bands, electrodes): the overlap of two frames, and what is not a hop yet; not a number where missing."""


class Spectrogram:
    """Samples of any cut in, log10 power frames out.

    Frame = log10(|FFT(hann · x)|² / Σ hann² + floor). Computed in float64, one transform per frame, so that a frame is
    bit-equal however its samples were cut. A band with a value that is not finite counts as 0 in that sample, and is
    missing in the frames that have more than an eighth of such samples.
    """

    def __init__(self, facts: StftFacts, layout: Layout) -> None:
        """Prepare the window; `layout` is that of the chunks to come."""
        self.facts = facts
        self._layout = layout
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(facts.window) / facts.window)
        self._taper = hann / np.sqrt(np.sum(hann**2))
        self._most_missing = _TOLERATED * facts.window
        self.reset()

    def reset(self) -> None:
        """Forget the samples kept for the next frame."""
        self._kept: F32 = self._no_samples()

    @property
    def state(self) -> SpectrogramState:
        """The samples kept for the next frame."""
        return SpectrogramState(self._kept.copy())

    @state.setter
    def state(self, state: SpectrogramState) -> None:
        self._kept = state.samples.copy()

    def push(self, chunk: Chunk) -> Frames:
        """Return the frames (F, bands, electrodes, bins) that these samples complete, in log10 squared sample units."""
        window, hop = self.facts.window, self.facts.hop
        kept = len(self._kept)
        joined = np.concatenate([self._kept, chunk.samples]) if kept else chunk.samples
        count = self.facts.frames(len(joined))
        # window - hop samples of overlap, and what is not a hop yet.
        self._kept = joined[count * hop :].copy()
        if not count:
            return self._no_frames()
        present = np.isfinite(joined)
        if present.all():
            missing = np.zeros((count, self._layout.bands), np.bool_)
        else:
            absent = ~present.all(axis=-1)  # (T, bands)
            missing = self._windows(absent, count).sum(axis=-1) > self._most_missing
            joined = np.where(absent[..., None], np.float32(0), joined)
        spectrum = np.fft.rfft(self._windows(joined, count) * self._taper)
        power = spectrum.real**2 + spectrum.imag**2
        values = np.log10(power + self.facts.floor).astype(np.float32)
        # A frame's newest sample always comes with the push that completes it.
        return Frames(values, chunk.times[window - 1 - kept :: hop].copy(), missing)

    def finish(self) -> Frames:
        """Return no frame: samples that fill no window give none."""
        self.reset()
        return self._no_frames()

    def _windows(self, samples: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
        """View (T, ...) as (count, ..., window): numpy's sliding_window_view takes longer than the transform."""
        samples = np.ascontiguousarray(samples)
        step, *inner = samples.strides
        return np.ndarray(
            (count, *samples.shape[1:], self.facts.window),
            samples.dtype,
            samples,
            strides=(self.facts.hop * step, *inner, step),
        )

    def _no_samples(self) -> F32:
        return np.empty((0, self._layout.bands, self._layout.electrodes), np.float32)

    def _no_frames(self) -> Frames:
        shape = self.facts.shape(self._layout)
        return Frames(np.empty((0, *shape), np.float32), np.empty(0), np.empty((0, shape[0]), np.bool_))
