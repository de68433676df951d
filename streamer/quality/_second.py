"""Measures every electrode in one second of the signal, for the rules for faults.

All but a few numbers come from one Fourier transform of the second, tapered by a Hann window:

- `power` from 60 to 400 Hz, where muscles have theirs, and `crackle` from 400 to 900 Hz, where contacts crackle;
- `lines`, the power within 1.5 Hz of the mains and of their harmonics, and `beside`, the power of their surroundings,
  3 to 9.5 Hz away, for as many bins;
- `together`, the correlation of the electrodes' spectra from 50 to 150 Hz, the mains left out.

From the samples themselves come `rate`, `step`, `bad`, `flat`, `clipped`, and `coactive`, the covariance of the
loudness in slices of 20 ms. Missing samples count as 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.signal import F32, F64, Layout
from streamer.activity.loudness import BAND_HZ
from streamer.conditioning.placement import normalised

Mask = npt.NDArray[np.bool_]

MAINS_HZ = (50.0, 60.0)
"""Frequencies of the mains, here or there."""
_HARMONICS = 5
"""Harmonics of the mains that are looked at, the first included."""
_LINE_HZ = 1.5
"""A line of the mains reaches this far to either side."""
_BESIDE_HZ = 9.5
"""Its surroundings reach from twice `_LINE_HZ` to here."""
_CRACKLE_HZ = (400.0, 900.0)
"""Where contacts crackle, and muscles have little power."""
_MUSCLES_HZ = (50.0, 150.0)
"""Where muscles have most power, so that noise changes the correlations least."""
_SLICE_S = 0.02
"""Seconds over which the power is averaged for one value of the loudness."""
_FEWEST_VALUES = 32
"""A converter with fewer different values in a second rests at its extremes even when all is well."""
_SLICE_NOISE = 0.1
"""Squared units added to the power of a slice before its logarithm: less than the noise of any amplifier."""


@dataclass(frozen=True, slots=True, eq=False)
class SignalSecond:
    """Measurements of one second of the signal. Arrays are (bands, electrodes) unless their field says otherwise.

    Powers are in squared units of the samples.
    """

    rate: float
    """Samples per second by the time stamps; NaN if the stamps do not rise."""
    step: float
    """Least difference between two values of the electrodes looked at; infinity if all are equal."""
    bad: Mask
    """Whether some value is not a finite number, while others of the band at that moment are."""
    flat: Mask
    """Whether all values are the same."""
    clipped: npt.NDArray[np.int64]
    """Samples that are the third in a row, or later, at the highest or lowest value."""
    power: F64
    """Power from 60 to 400 Hz, the band of the muscles."""
    crackle: F64
    """Power from 400 to 900 Hz, above the muscles."""
    lines: F64
    """(mains, harmonics, bands, electrodes) power of each line of the mains."""
    beside: F64
    """(mains, harmonics, bands, electrodes) power that these frequencies would have without the line."""
    together: F64
    """(bands, electrodes, electrodes) correlation of the signals from 50 to 150 Hz."""
    coactive: F64
    """(bands, electrodes, electrodes) covariance of the loudness, the logarithm of the power in slices of 20 ms."""


class SecondMeter:
    """Measures seconds of a signal."""

    def __init__(self, layout: Layout) -> None:
        """Prepare the frequencies for samples of this layout."""
        self.samples = round(layout.rate)
        """Number of samples that are measured together."""
        self._electrodes, self._next_electrode = layout.electrodes, 0
        frequencies = np.fft.rfftfreq(self.samples, 1 / layout.rate)
        hann = np.hanning(self.samples + 1)[:-1].astype(np.float32)
        self._taper = hann[:, None, None]
        self._scale = 2 / (self.samples * float(np.sum(hann.astype(np.float64) ** 2)))
        self._band = _between(frequencies, *BAND_HZ)
        self._high = _between(frequencies, *_CRACKLE_HZ)
        muscles = (frequencies >= _MUSCLES_HZ[0]) & (frequencies <= _MUSCLES_HZ[1])
        # Weights of the bins: for each line first the line itself, then as much of its surroundings.
        weights = []
        for mains in MAINS_HZ:
            for harmonic in range(1, _HARMONICS + 1):
                away = np.abs(frequencies - mains * harmonic)
                line, beside = away <= _LINE_HZ, (away > 2 * _LINE_HZ) & (away <= _BESIDE_HZ)
                weights += [line, beside * (line.sum() / max(1, beside.sum()))]
                muscles &= ~line
        # (mains · harmonics · 2, bins)
        self._weights = np.array(weights, np.float64)
        self._slice = max(1, round(_SLICE_S * layout.rate))
        self._muscles = np.flatnonzero(muscles)

    def reset(self) -> None:
        """Begin with the first electrode again."""
        self._next_electrode = 0

    def measure(self, samples: F32, times: F64) -> SignalSecond:
        """Measure samples (T, bands, electrodes) at `times` (T,) s, where T is `self.samples`."""
        finite = np.isfinite(samples)
        bad: Mask = np.zeros(samples.shape[1:], np.bool_)
        if not finite.all():
            bad = np.asarray((~finite & finite.any(axis=2, keepdims=True)).any(axis=0))
            samples = np.where(finite, samples, np.float32(0))
        top, bottom = samples.max(axis=0), samples.min(axis=0)
        spectrum = np.fft.rfft(samples * self._taper, axis=0)
        # (bins, bands, electrodes)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float64) * self._scale
        hum = self._weights @ power.reshape(len(power), -1)
        hum = hum.reshape(len(MAINS_HZ), _HARMONICS, 2, *samples.shape[1:])
        return SignalSecond(
            rate=(len(times) - 1) / float(times[-1] - times[0]) if times[-1] > times[0] else np.nan,
            step=self._least_step(samples),
            bad=bad,
            flat=top == bottom,
            clipped=_clipped(samples, top, bottom),
            power=power[self._band].sum(axis=0),
            crackle=power[self._high].sum(axis=0),
            lines=hum[:, :, 0],
            beside=hum[:, :, 1],
            together=_correlation(spectrum[self._muscles]),
            coactive=_loudness_covariance(samples, self._slice),
        )

    def _least_step(self, samples: F32) -> float:
        """Return the least step of one electrode of each band, in turn: to sort them all costs more than the rest."""
        values = samples[:, :, self._next_electrode]
        self._next_electrode = (self._next_electrode + 1) % self._electrodes
        steps = np.diff(np.sort(values, axis=0), axis=0)
        return float(steps[steps > 0].min(initial=np.inf))


def _between(frequencies: npt.NDArray[np.floating], low: float, high: float) -> slice:
    """Return the bins from `low` to `high` Hz."""
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0)


def _clipped(samples: F32, top: F32, bottom: F32) -> npt.NDArray[np.int64]:
    """Count the samples that end three in a row at an extreme, per electrode."""
    count = np.zeros(samples.shape[1:], np.int64)
    for extreme in (top, bottom):
        # As a rule no electrode is more than twice at its extreme.
        often = (samples == extreme).sum(axis=0) > 2
        for band, electrode in np.argwhere(often):
            values = samples[:, band, electrode]
            at = values == extreme[band, electrode]
            if len(np.unique(values)) >= _FEWEST_VALUES:
                count[band, electrode] += int((at[2:] & at[1:-1] & at[:-2]).sum())
    return count


def _correlation(spectrum: npt.NDArray[np.complexfloating]) -> F64:
    """Return how the electrodes' spectra correlate: (bins, bands, electrodes) → (bands, electrodes, electrodes)."""
    parts = np.concatenate([spectrum.real, spectrum.imag]).astype(np.float64).transpose(1, 2, 0)
    return normalised(parts @ parts.transpose(0, 2, 1))


def _loudness_covariance(samples: F32, length: int) -> F64:
    """Return the covariance of the loudness: (T, bands, electrodes) → (bands, electrodes, electrodes)."""
    slices = samples[: len(samples) // length * length].reshape(-1, length, *samples.shape[1:])
    power = np.einsum("ntbe,ntbe->nbe", slices, slices) / length
    loudness = np.log(power + _SLICE_NOISE).astype(np.float64)
    loudness -= loudness.mean(axis=0)
    # (bands, electrodes, slices)
    parts = loudness.transpose(1, 2, 0)
    covariance: F64 = parts @ parts.transpose(0, 2, 1) / len(slices)
    return covariance
