"""Incremental log-power spectrogram: the front end of the emg2qwerty models."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.model_facts import StftFacts


@dataclass(frozen=True, slots=True)
class SpectrogramState:
    """Samples kept for the next frame."""

    samples: npt.NDArray[np.float32] | None
    """(T, ..., electrodes): the overlap of two frames, and what is not a hop yet; None before the first sample."""


class Spectrogram:
    """Samples of any cut in, log10 power frames out.

    Frame = log10(|FFT(hann · x)|² / Σ hann² + floor). Computed in float64, one transform per frame, so that a frame is
    bit-equal however its samples were cut.
    """

    def __init__(self, constants: StftFacts) -> None:
        self.constants = constants
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(constants.window) / constants.window)
        self._taper = hann / np.sqrt(np.sum(hann**2))
        self.reset()

    def reset(self) -> None:
        """Forget the samples kept for the next frame."""
        self._kept: npt.NDArray[np.float32] | None = None

    @property
    def state(self) -> SpectrogramState:
        """The samples kept for the next frame."""
        return SpectrogramState(None if self._kept is None else self._kept.copy())

    @state.setter
    def state(self, state: SpectrogramState) -> None:
        self._kept = None if state.samples is None else state.samples.copy()

    def push(
        self, samples: npt.NDArray[np.float32], times: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Frames that these samples complete.

        Args:
            samples: (T, ..., electrodes), in the unit the model was trained with.
            times: (T,) seconds.

        Returns:
            frames (F, ..., electrodes, bins) and times (F,) s, each that of the frame's newest sample.
        """
        window, hop = self.constants.window, self.constants.hop
        kept = 0 if self._kept is None else len(self._kept)
        joined = samples if self._kept is None else np.concatenate([self._kept, samples])
        count = self.constants.frames(len(joined))
        self._kept = joined[count * hop :].copy()  # window - hop samples of overlap, and what is not a hop yet
        if not count:
            return np.empty((0, *samples.shape[1:], self.constants.bins), np.float32), np.empty(0)
        # A view of each frame's samples: numpy's sliding_window_view would take longer than the transform of one frame.
        joined = np.ascontiguousarray(joined)
        step, *inner = joined.strides
        windows = np.ndarray(
            (count, *joined.shape[1:], window), joined.dtype, joined, strides=(hop * step, *inner, step)
        )  # (F, ..., electrodes, window)
        spectrum = np.fft.rfft(windows * self._taper)
        power = spectrum.real**2 + spectrum.imag**2
        frames = np.log10(power + self.constants.floor).astype(np.float32)
        # A frame's newest sample always comes with the push that completes it.
        return frames, times[window - 1 - kept :: hop].copy()
