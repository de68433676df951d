"""Bands that are taken off and put on again while the stream continues: another donning each time.

No number here was fitted to recordings. While a band is handled, the other hand works, and there are contact artifacts
as in simulator._recording, but many at a time. Off the skin there is only hum and noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from messages.signal import F32, F64, Chunk
from simulator.activities import Activity, handling
from simulator.person import HANDS, Person
from simulator.session import LAYOUT, simulate

HANDLED = 3.0
"""Seconds during which a hand handles the band of the other, when it is put on and when it is taken off."""
_HIGH_PASS_HZ = 40.0
"""High-pass of the device."""
_STEPS_PER_S = 10.0
"""Contact artifacts per second and band, while it is handled."""
_STEP_UV, _DECAY_S = 300.0, 0.05
"""Standard deviation and decay of a contact artifact."""
_NOISE_UV = (10.0, 60.0)
"""Range of the noise while a band is moved over the skin."""
_HUM_UV, _MAINS_HZ = (1.0, 20.0), 60.0
"""Range of the hum off the skin, and its frequency."""


def redonning_chunks(person: Person, donnings: Sequence[int], worn: float) -> Iterator[Chunk]:
    """Yield the samples of a person who wears the bands repeatedly, and types nothing, from 0 s on.

    Args:
        person: The person.
        donnings: Seeds of the donnings.
        worn: Seconds for which the bands are worn on each donning.
    """
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
    """An activity that begins at another time."""

    def __init__(self, activity: Activity, start: float) -> None:
        self._activity, self._start = activity, start

    def drive_from(self, start: float, samples: int) -> F64:
        """Return the drive (see Activity)."""
        return self._activity.drive_from(start - self._start, samples)


def _disturb(samples: F32, rng: np.random.Generator) -> None:
    """Disturb the samples of each band, from off the skin to off the skin: first the left band, then the right one."""
    rate, handled = LAYOUT.rate, round(HANDLED * LAYOUT.rate)
    total = len(samples)
    for band in range(len(HANDS)):
        on, off = (1 + band) * handled, total - (1 + band) * handled
        moving = np.zeros(total, np.bool_)
        moving[on - handled : on] = moving[off : off + handled] = True
        off_skin = np.ones(total, np.bool_)
        off_skin[on - handled : off + handled] = False
        samples[: on - handled, band] = samples[off + handled :, band] = 0.0
        disturbance = np.zeros((total, LAYOUT.electrodes))
        t = np.arange(total) / rate
        hum = rng.uniform(*_HUM_UV, LAYOUT.electrodes) * np.sin(2 * np.pi * _MAINS_HZ * t + rng.uniform(0, 6))[:, None]
        disturbance[off_skin] = hum[off_skin] + rng.normal(0, 0.9, (int(off_skin.sum()), LAYOUT.electrodes))
        for first in np.flatnonzero(moving & (rng.random(total) < _STEPS_PER_S / rate)).tolist():
            part = slice(first, min(total, first + round(0.4 * rate)))
            touched = rng.random(LAYOUT.electrodes) < 0.5
            decay = np.exp(-(t[part] - t[first]) / _DECAY_S)[:, None]
            disturbance[part] += touched * (rng.normal(0, _STEP_UV, LAYOUT.electrodes) * decay)
        noise = rng.uniform(*_NOISE_UV, LAYOUT.electrodes)
        disturbance[moving] += rng.normal(0, noise, (int(moving.sum()), LAYOUT.electrodes))
        high_pass = butter(4, _HIGH_PASS_HZ, "highpass", fs=rate, output="sos")
        samples[:, band] += sosfilt(high_pass, disturbance, axis=0).astype(np.float32)
