"""Measure the sEMG of two wristbands: level, spectrum, correlation around the ring, bursts, quantisation.

Pure functions of samples and press times, so that a real session is measured exactly as a simulated one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import welch

from messages.model_facts import StftFacts
from messages.signal import F32, F64, Chunk, Layout
from streamer.front_end.stft import Spectrogram

AROUND = 0.25
"""Seconds around a held key that count as typing."""
AWAY = 0.5
"""Seconds from any held key beyond which a hand counts as at rest."""
BURST = -0.100, 0.060
"""Seconds around a press in which its muscles are at work."""
RANGE = 1, 99
"""Percentiles that stand for a range of log-power while typing. The published ranges of bin 0 and of the top bins span
what these two span for stationary noise: of one degree of freedom in bin 0, and of two in the top bins, where the
level is the 12-bit converter's."""
QUANTUM = 13200.0 / 4096
"""µV: 12 bits over ±6.6 mV."""

_ISOLATED = 0.30
"""Seconds without another press around an isolated press."""
_SMOOTH = 0.012
"""Standard deviation in seconds of the window of a burst's envelope."""
_SEARCH = -0.15, 0.10
"""Seconds around a press in which its burst's peak is searched."""
_VIEW = -0.35, 0.30


@dataclass(frozen=True, slots=True)
class Presses:
    """Key presses in seconds from the first sample."""

    start: F64
    """(presses,)"""
    end: F64
    """(presses,) the releases."""
    band: npt.NDArray[np.intp]
    """(presses,) band on the wrist of the hand that strikes."""


def near(presses: Presses, samples: int, rate: float, margin: float) -> npt.NDArray[np.bool_]:
    """Return (samples,) whether some key is held within `margin` s."""
    first = np.clip(((presses.start - margin) * rate).astype(np.intp), 0, samples)
    last = np.clip(((presses.end + margin) * rate).astype(np.intp) + 1, 0, samples)
    change = np.zeros(samples + 1, np.intp)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    inside: npt.NDArray[np.bool_] = np.cumsum(change[:-1]) > 0
    return inside


def measure(samples: F32, rate: float, presses: Presses) -> dict[str, float]:
    """Return all figures of one session by name.

    Args:
        samples: (T, bands, electrodes) µV.
        rate: F32 per second.
        presses: Key presses; at least one, and one second without any.

    Returns:
        Levels and amplitudes in µV, power density in µV²/Hz, spans in ms, log-power as log10 of the front end's.
    """
    typing = samples[near(presses, len(samples), rate, AROUND)]
    resting = ~near(presses, len(samples), rate, AWAY)
    return {
        **levels(typing, samples[resting], rate),
        **amplitudes(samples, rate, presses),
        **densities(samples[round(presses.start.min() * rate) : round(presses.end.max() * rate)], rate),
        **correlations(typing),
        **log_power(typing, rate),
        **bursts(samples, rate, presses),
        "step": step_visible(samples[resting], rate),
    }


def levels(typing: F32, resting: F32, rate: float) -> dict[str, float]:
    """Return root mean squares in µV: the electrodes' 10th, 50th and 90th percentile typing, the 50th at rest.

    Rest is the median over windows of 0.1 s: a contact that fails for a moment is no muscle.
    """
    low, middle, high = np.percentile(_rms(typing), [10, 50, 90])
    window = round(0.1 * rate)
    windows = resting[: len(resting) // window * window].reshape(-1, window, *resting.shape[1:])
    rest = np.sqrt((windows.astype(np.float64) ** 2).mean(axis=1))
    return {
        "level": float(middle),
        "level_low": float(low),
        "level_high": float(high),
        "rest": float(np.median(rest)) if len(rest) else float("nan"),
    }


def amplitudes(samples: F32, rate: float, presses: Presses) -> dict[str, float]:
    """Return burst peaks in µV under the median and the strongest electrode of the hand's band, median over presses."""
    first, last = round(BURST[0] * rate), round(BURST[1] * rate)
    at = (presses.start * rate).astype(np.intp)
    inside = np.flatnonzero((at + first >= 0) & (at + last <= len(samples)))
    peaks = np.array([np.abs(samples[at[i] + first : at[i] + last, presses.band[i]]).max(axis=0) for i in inside])
    return {
        "peak_median": float(np.median(np.median(peaks, axis=1))),
        "peak_strongest": float(np.median(peaks.max(axis=1))),
    }


def densities(typing: F32, rate: float) -> dict[str, float]:
    """Return the power density while typing in µV²/Hz (Welch, 1 Hz), median over electrodes, mains lines left out."""
    hertz, density = welch(typing.reshape(len(typing), -1), fs=rate, nperseg=min(len(typing), round(rate)), axis=0)
    middle = np.median(density, axis=1)
    bands = {"8": (7, 9), "50-100": (50, 100), "200": (190, 210), "400": (390, 410), "650": (650, 0.49 * rate)}
    hum = np.abs(hertz / 60 - np.round(hertz / 60)) * 60 <= 2
    figures = {
        f"density_{name}": float(np.mean(middle[(hertz >= low) & (hertz <= high) & (~hum | (hertz < 30))]))
        for name, (low, high) in bands.items()
    }
    top = middle[(hertz >= 0.44 * rate) & (hertz <= 0.49 * rate)].mean()
    return {**figures, "floor_slope": figures["density_650"] / float(top)}


def correlations(typing: F32) -> dict[str, float]:
    """Return median correlations around the ring, and the largest one between the wrists.

    Around the ring: neighbours, and pairs at a quarter and half of it; the far side is the opposite electrode. Between
    the wrists the sign is dropped.
    """
    bands, electrodes = typing.shape[1:]
    matrix: F64 = np.atleast_2d(np.corrcoef(typing.reshape(len(typing), -1), rowvar=False))
    place = np.arange(electrodes)
    figures = {}
    for name, steps in {"neighbours": 1, "quarter": electrodes // 4, "far": electrodes // 2}.items():
        pairs = [matrix[b * electrodes + place, b * electrodes + (place + steps) % electrodes] for b in range(bands)]
        figures[f"corr_{name}"] = float(np.median(pairs))
    figures["corr_wrists"] = float(np.abs(matrix[:electrodes, electrodes:]).max())
    return figures


def log_power(samples: F32, rate: float) -> dict[str, float]:
    """`RANGE` of the front end's log10 power in bin 0, bins 1-2 and the top bins (those from 850 Hz on)."""
    layout = Layout(rate, "uV", tuple(map(str, range(samples.shape[1]))), samples.shape[2])
    front = Spectrogram(StftFacts(hop=64), layout)  # every fourth frame of the models' front end tells as much
    blocks = []
    for first in range(0, len(samples), 4096):
        block = samples[first : first + 4096]
        blocks.append(front.push(Chunk(block, np.zeros(len(block)), layout)).values)
    frames = np.concatenate(blocks)
    top = frames.shape[-1] - 1
    bins = {"bin_0": slice(0, 1), "bins_1_2": slice(1, 3), "top_bins": slice(round(850 / (rate / 2) * top), top + 1)}
    return {
        f"{name}_{end}": float(value)
        for name, chosen in bins.items()
        for end, value in zip(("low", "high"), np.percentile(frames[..., chosen], RANGE), strict=True)
    }


def bursts(samples: F32, rate: float, presses: Presses) -> dict[str, float]:
    """Return the length and lead of the bursts of isolated presses, in ms.

    The length is that above half of the peak. The envelope is the root mean square over the hand's electrodes, in a
    Gaussian window of 12 ms. `burst_lead` is from the middle of the rise, `peak_lead` from the peak to the press. NaN
    where no press is isolated.
    """
    spans, rises, peaks = [], [], []
    for band in range(samples.shape[1]):
        mine = np.flatnonzero(presses.band == band)
        start = presses.start[mine]
        gaps = np.diff(start, prepend=-np.inf, append=np.inf)
        alone = start[(gaps[:-1] > _ISOLATED) & (gaps[1:] > _ISOLATED)]
        power = (samples[:, band].astype(np.float64) ** 2).mean(axis=1)
        envelope = np.sqrt(np.maximum(gaussian_filter1d(power, _SMOOTH * rate), 0.0))
        for press in alone:
            at, (first, last) = round(press * rate), (round(s * rate) for s in _VIEW)
            if at + first < 0 or at + last > len(envelope):
                continue
            view = envelope[at + first : at + last]
            low, high = (round((s - _VIEW[0]) * rate) for s in _SEARCH)
            peak = low + int(view[low:high].argmax())
            above = view > 0.5 * view[peak]
            rise = peak - int(np.argmin(above[peak::-1])) if not above[: peak + 1].all() else 0
            fall = peak + int(np.argmin(above[peak:])) if not above[peak:].all() else len(view)
            spans.append(1000 * (fall - rise) / rate)
            rises.append(-1000 * (_VIEW[0] + rise / rate))
            peaks.append(-1000 * (_VIEW[0] + peak / rate))
    if not spans:
        return dict.fromkeys(("burst_low", "burst", "burst_high", "burst_lead", "peak_lead"), float("nan"))
    low_span, span, high_span = np.percentile(spans, [10, 50, 90])
    return {
        "burst_low": float(low_span),
        "burst": float(span),
        "burst_high": float(high_span),
        "burst_lead": float(np.median(rises)),
        "peak_lead": float(np.median(peaks)),
    }


def step_visible(resting: F32, rate: float) -> float:
    """Return the share of sample-to-sample differences at rest near a whole number of converter steps.

    Near: within a tenth of a step. The high-pass takes a share of each step and lets it decay, so the step's size is
    searched between 0.75 and 1 of the converter's. About 0.25 for the simulator's signal with noise in the converter's
    place; NaN without rest.
    """
    if len(resting) < rate:
        return float("nan")
    differences = np.diff(resting[: round(10 * rate)].reshape(-1, resting.shape[1] * resting.shape[2]), axis=0)
    moved = differences[np.abs(differences) > 0.5 * QUANTUM]
    best = 0.0
    for share in np.arange(0.75, 1.0, 0.01):
        steps = moved / (share * QUANTUM)
        best = max(best, float(np.mean(np.abs(steps - np.round(steps)) < 0.1)))
    return best


def _rms(samples: F32) -> F64:
    rms: F64 = np.sqrt((samples.astype(np.float64) ** 2).mean(axis=0))
    return rms
