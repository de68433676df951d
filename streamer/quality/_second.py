"""What a second of samples tells about the electrodes, from one Fourier transform of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.signal import Layout
from streamer.activity.loudness import BAND_HZ
from streamer.conditioning.placement import normalised

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAINS = (50.0, 60.0)
"""Hz of the mains, here or there."""
_HARMONICS = 5
_LINE, _BESIDE = 1.5, 9.5  # Hz to either side that a line fills, and up to which its surroundings are looked at
_CRACKLE = (400.0, 900.0)  # Hz: contacts crackle where muscles have little power
_MUSCLES = (50.0, 150.0)  # Hz: where muscles have most, so that noise touches the correlations least
_ENVELOPE = 0.02  # seconds whose power is one value of the loudness
_VALUES = 32  # different ones in a second: a converter that has fewer in use rests at its extremes when all is well
_SILENCE = 0.1  # squared units added to it: below the noise of any amplifier


@dataclass(frozen=True, slots=True)
class Window:
    """Of one second; (bands, electrodes) where nothing else is said. Powers are in squared units of the samples."""

    rate: float
    """Samples per second by the time stamps; NaN where they do not rise."""
    step: float
    """Least difference between two values of the electrodes looked at; infinity where all are equal."""
    bad: Mask
    """Whether any value is no finite number; moments at which all of a band are none are missing, and count as 0."""
    flat: Mask
    """Whether all values are the same."""
    clipped: npt.NDArray[np.int64]
    """Samples that end three in a row at the highest or lowest value."""
    power: FloatArray
    """In the band of muscles (streamer.activity.loudness.BAND_HZ)."""
    crackle: FloatArray
    """Above the muscles' frequencies."""
    lines: FloatArray
    """(mains, harmonics, bands, electrodes): each line of the mains."""
    beside: FloatArray
    """As `lines`: what the same frequencies would hold without it."""
    together: FloatArray
    """(bands, electrodes, electrodes): correlation of their signals where muscles have most power."""
    coactive: FloatArray
    """(bands, electrodes, electrodes): covariance of their loudness, of the logarithm of the power."""


class Windows:
    """Makes windows of as many samples as a second has."""

    def __init__(self, layout: Layout) -> None:
        self.samples = round(layout.rate)
        """In one window."""
        self._rate, self._electrodes, self._turn = layout.rate, layout.electrodes, 0
        frequencies = np.fft.rfftfreq(self.samples, 1 / layout.rate)
        hann = np.hanning(self.samples + 1)[:-1].astype(np.float32)
        self._taper = hann[:, None, None]
        self._scale = 2 / (self.samples * float(np.sum(hann.astype(np.float64) ** 2)))
        self._band = _between(frequencies, *BAND_HZ)
        self._high = _between(frequencies, *_CRACKLE)
        muscles = (frequencies >= _MUSCLES[0]) & (frequencies <= _MUSCLES[1])
        weights = []  # of the bins: each line, and as much of what lies beside it
        for mains in MAINS:
            for harmonic in range(1, _HARMONICS + 1):
                away = np.abs(frequencies - mains * harmonic)
                line, beside = away <= _LINE, (away > 2 * _LINE) & (away <= _BESIDE)
                weights += [line, beside * (line.sum() / max(1, beside.sum()))]
                muscles &= ~line  # hum is no muscle
        self._weights = np.array(weights, np.float64)  # (mains · harmonics · 2, bins)
        self._envelope = max(1, round(_ENVELOPE * layout.rate))
        self._muscles = np.flatnonzero(muscles)

    def reset(self) -> None:
        """Begin with the first electrode again."""
        self._turn = 0

    def describe(self, samples: npt.NDArray[np.float32], times: FloatArray) -> Window:
        """A window of (samples, bands, electrodes) at `times` (samples,) s."""
        finite = np.isfinite(samples)
        bad: Mask = np.zeros(samples.shape[1:], np.bool_)
        if not finite.all():
            bad = np.asarray((~finite & finite.any(axis=2, keepdims=True)).any(axis=0))
            samples = np.where(finite, samples, np.float32(0))
        top, bottom = samples.max(axis=0), samples.min(axis=0)
        spectrum = np.fft.rfft(samples * self._taper, axis=0)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float64) * self._scale  # (bins, bands, electrodes)
        found = (self._weights @ power.reshape(len(power), -1)).reshape(len(MAINS), _HARMONICS, 2, *samples.shape[1:])
        return Window(
            rate=(len(times) - 1) / float(times[-1] - times[0]) if times[-1] > times[0] else np.nan,
            step=self._step(samples),
            bad=bad,
            flat=top == bottom,
            clipped=_clipped(samples, top, bottom),
            power=power[self._band].sum(axis=0),
            crackle=power[self._high].sum(axis=0),
            lines=found[:, :, 0],
            beside=found[:, :, 1],
            together=_together(spectrum[self._muscles]),
            coactive=_coactive(samples, self._envelope),
        )

    def _step(self, samples: npt.NDArray[np.float32]) -> float:
        """Of one electrode of each band, in turn: sorting them all would cost more than the rest."""
        chosen = samples[:, :, self._turn]
        self._turn = (self._turn + 1) % self._electrodes
        steps = np.diff(np.sort(chosen, axis=0), axis=0)
        return float(steps[steps > 0].min(initial=np.inf))


def _between(frequencies: npt.NDArray[np.floating], low: float, high: float) -> slice:
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0)


def _clipped(
    samples: npt.NDArray[np.float32], top: npt.NDArray[np.float32], bottom: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    count = np.zeros(samples.shape[1:], np.int64)
    for extreme in (top, bottom):
        often = (samples == extreme).sum(axis=0) > 2
        for band, electrode in np.argwhere(often):  # nowhere, as a rule
            values = samples[:, band, electrode]
            at = values == extreme[band, electrode]
            if len(np.unique(values)) >= _VALUES:
                count[band, electrode] += int((at[2:] & at[1:-1] & at[:-2]).sum())
    return count


def _together(spectrum: npt.NDArray[np.complexfloating]) -> FloatArray:
    """(bins, bands, electrodes) → (bands, electrodes, electrodes)."""
    parts = np.concatenate([spectrum.real, spectrum.imag]).astype(np.float64).transpose(1, 2, 0)  # (bands, e, bins)
    return normalised(parts @ parts.transpose(0, 2, 1))


def _coactive(samples: npt.NDArray[np.float32], length: int) -> FloatArray:
    """(samples, bands, electrodes) → (bands, electrodes, electrodes)."""
    whole = samples[: len(samples) // length * length].reshape(-1, length, *samples.shape[1:])
    loudness = np.log(np.einsum("ntbe,ntbe->nbe", whole, whole) / length + _SILENCE).astype(np.float64)
    loudness -= loudness.mean(axis=0)
    parts = loudness.transpose(1, 2, 0)  # (bands, electrodes, n)
    found: FloatArray = parts @ parts.transpose(0, 2, 1) / len(whole)
    return found
