"""The recording device: noise, hum, contact artifacts, 12-bit conversion, and the device's 40 Hz high-pass."""

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from messages.signal import F32
from simulator.donning import Donning
from simulator.person import HANDS

QUANTUM = 13200.0 / 4096
"""Step of the converter in µV: 12 bits over ±6.6 mV."""
_LIMIT = 6600.0
"""Limit of the converter in µV."""
_HIGH_PASS_HZ = 40.0
_MAINS_HZ = 60.0
_NOISE_ABOVE_HZ = 150.0
"""Lowest frequency of the noise of bad contacts."""


class Amplifier:
    """The amplifiers and converters of both bands; the state is that of their filters."""

    def __init__(self, donning: Donning, electrodes: int, rate: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rate = rate
        self._donning = donning
        self._shape = (len(HANDS), electrodes)
        self._high_pass = butter(4, _HIGH_PASS_HZ, "highpass", fs=rate, output="sos")
        self._state = np.zeros((len(self._high_pass), 2, *self._shape))
        # Electrode half-cell drift: the high-pass removes it, but it moves the signal across the converter's steps.
        self._drift = butter(2, [0.5, 8.0], "bandpass", fs=rate, output="sos")
        self._drift_state = np.zeros((len(self._drift), 2, *self._shape))
        self._hum = donning.mains * rng.uniform(0.3, 1.0, self._shape) * np.where(rng.random(self._shape) < 0.5, 1, -1)
        self._crackle = butter(2, _NOISE_ABOVE_HZ, "highpass", fs=rate, output="sos")
        self._crackle_state = np.zeros((len(self._crackle), 2, *self._shape))
        self._sample = 0

    def convert(self, signal: F32) -> F32:
        """Turn (T, hands, electrodes) µV at the skin into (T, hands, electrodes) µV as the device delivers them."""
        samples = len(signal)
        white = self._rng.standard_normal((samples, *self._shape), dtype=np.float32)
        drift, self._drift_state = sosfilt(self._drift, 60.0 * white, axis=0, zi=self._drift_state)
        raw = signal + drift + 0.45 * white[:, :, ::-1]
        if self._donning.mains:
            t = (self._sample + np.arange(samples)) / self._rate
            raw += self._hum * np.sin(2 * np.pi * _MAINS_HZ * t)[:, None, None]
        if self._donning.noise.any():
            noise = self._rng.standard_normal((samples, *self._shape), dtype=np.float32)
            filtered, self._crackle_state = sosfilt(self._crackle, noise, axis=0, zi=self._crackle_state)
            raw += self._donning.noise * filtered
        if self._donning.contact_artifacts:
            self._add_contact_artifacts(raw)
        self._sample += samples
        converted = QUANTUM * np.round(np.clip(raw, -_LIMIT, _LIMIT) / QUANTUM)
        filtered, self._state = sosfilt(self._high_pass, converted, axis=0, zi=self._state)
        return filtered.astype(np.float32)

    def _add_contact_artifacts(self, raw: npt.NDArray[np.floating]) -> None:
        """Add contact artifacts: now and then an electrode loses the skin for a moment, a decaying step with noise."""
        for _ in range(self._rng.poisson(len(raw) / self._rate / 20)):
            hand, electrode = (int(self._rng.integers(n)) for n in self._shape)
            first = int(self._rng.integers(len(raw)))
            length = min(len(raw) - first, int(self._rate * self._rng.uniform(0.05, 0.4)))
            t = np.arange(length) / self._rate
            step = self._rng.normal(0, 300) * np.exp(-t / 0.05)
            raw[first : first + length, hand, electrode] += step + self._rng.normal(0, 15, length)
