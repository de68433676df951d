"""The bands are taken off and put on again while the stream goes on: another donning each time, and much ado between.

How a band is handled was not fitted to recordings: contact artifacts as a worn band has them now and then
(simulator.recording), but many at a time; off the skin nothing but hum and noise; and the other hand works.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from messages.signal import Chunk
from simulator.activities import Activity, handling
from simulator.person import HANDS, Person
from simulator.session import LAYOUT, simulate

HANDLED = 3.0
"""Seconds that one hand handles the other's band, when it is put on and when it is taken off."""
_HIGH_PASS = 40.0  # Hz: the device's
_STEPS = 10.0  # per second and band
_STEP, _DECAY = 300.0, 0.05  # µV (SD) and seconds, as of a contact artifact
_NOISE = (10.0, 60.0)  # µV while a band is moved over the skin
_HUM, _MAINS = (1.0, 20.0), 60.0  # µV and Hz off the skin


def redonned(person: Person, donnings: Sequence[int], worn: float) -> Iterator[Chunk]:
    """Samples from 0 s on of somebody who wears the bands for `worn` s on each of these donnings, and types nothing."""
    span = worn + 4 * HANDLED
    for number, donning in enumerate(donnings):
        rng = np.random.default_rng([person.seed, donning, 13])
        start = number * span
        hands = _Shifted(handling(span, HANDLED, donning), start)
        chunks = list(simulate(person, (), donning, start, span, activity=hands))
        samples = np.concatenate([chunk.samples for chunk in chunks])
        _disturb(samples, rng)
        end = 0
        for chunk in chunks:
            end += len(chunk.times)
            yield replace(chunk, samples=samples[end - len(chunk.times) : end])


class _Shifted:
    """An activity that begins later."""

    def __init__(self, activity: Activity, start: float) -> None:
        self._activity, self._start = activity, start

    def between(self, start: float, samples: int) -> npt.NDArray[np.float64]:
        """See Activity."""
        return self._activity.between(start - self._start, samples)


def _disturb(samples: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    """What the electrodes of a band give, from off the skin to off the skin: first left, then right, and back."""
    rate, handled = LAYOUT.rate, round(HANDLED * LAYOUT.rate)
    total = len(samples)
    for band in range(len(HANDS)):
        on, off = (1 + band) * handled, total - (1 + band) * handled
        moved = np.zeros(total, np.bool_)
        moved[on - handled : on] = moved[off : off + handled] = True
        samples[: on - handled, band] = samples[off + handled :, band] = 0.0
        strange = np.zeros((total, LAYOUT.electrodes))
        t = np.arange(total) / rate
        away = np.ones(total, np.bool_)
        away[on - handled : off + handled] = False
        hum = rng.uniform(*_HUM, LAYOUT.electrodes) * np.sin(2 * np.pi * _MAINS * t + rng.uniform(0, 6))[:, None]
        strange[away] = hum[away] + rng.normal(0, 0.9, (int(away.sum()), LAYOUT.electrodes))
        for first in np.flatnonzero(moved & (rng.random(total) < _STEPS / rate)).tolist():
            part = slice(first, min(total, first + round(0.4 * rate)))
            touched = rng.random(LAYOUT.electrodes) < 0.5
            decay = np.exp(-(t[part] - t[first]) / _DECAY)[:, None]
            strange[part] += touched * (rng.normal(0, _STEP, LAYOUT.electrodes) * decay)
        noise = rng.uniform(*_NOISE, LAYOUT.electrodes)
        strange[moved] += rng.normal(0, noise, (int(moved.sum()), LAYOUT.electrodes))
        high_pass = butter(4, _HIGH_PASS, "highpass", fs=rate, output="sos")
        samples[:, band] += sosfilt(high_pass, strange, axis=0).astype(np.float32)
