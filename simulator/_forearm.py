"""The forearm: key presses → drive of sixteen muscles → spikes of motor units → signal under each electrode.

Plan, for each block of a session:

1. `Movements`: every press is three movements (reach, strike, lift off), each a Gaussian bump of muscle drive. Around
   presses all muscles are tense.
2. `Muscles`: the drive recruits motor units, and sets their firing rates (Fuglevand, Winter & Patla 1993).
3. `Electrodes`: each spike is an action potential, the second derivative of a Gaussian: the three phases that a bipolar
   pair sees of a passing depolarised zone. Deeper units give wider potentials, because tissue is a low-pass.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve
from scipy.sparse import csr_array

from messages.charset import LABELS, SHIFT
from messages.signal import F32, F64
from messages.typed import Keystroke
from simulator._muscles import MUSCLES, PHASES
from simulator.donning import Donning
from simulator.person import HANDS, MotorUnits, Person

_SHIFT = LABELS[SHIFT]
DRIVE_RATE = 1000
"""Samples per second of muscle drive: movements are slow."""

# Reach, strike and lift off, in seconds: centre relative to press (reach, strike) or release (lift off), and width.
_CENTRE = np.array([-0.065, -0.022, 0.004])
_WIDTH = np.array([0.0215, 0.0158, 0.0172])
_TENSION = 3.75
"""Drive of all muscles near a press, in multiples of their tone: real signals hardly fall silent between bursts."""
_TENSE_S, _RELAXED_S = 0.15, 0.45
"""Seconds to the nearest press up to which muscles are fully tense, and from which on they are relaxed."""
_SUPPORT = 3.0
"""Number of widths to either side after which a movement is neglected."""

_ACTION_POTENTIALS = np.array([0.0029, 0.0016, 0.00082])
"""Widths of action potentials in seconds, from wide (deep units) to narrow.

They are fitted to the real power density, which is highest at 50-100 Hz and two decades lower at 400 Hz.
"""
# Fields fall off with distance; skin and fat smear them. Fitted to the correlation of electrodes around the ring.
_SMEAR = 0.55
"""Smearing distance, in limb radii."""
_FALL_OFF = 2.6
"""Exponent of the fall-off with distance."""
_NEAR = 1.5
"""Distance in limb radii from which on a unit counts as far."""
_RATE_MIN, _RATE_GAIN, _RATE_MAX = 8.0, 70.0, 45.0
"""Firing rates in spikes per second: the lowest, the increase per unit of drive, and the highest."""


class Movements:
    """All movements of a session, drawn once, so that blocks of any size see the same movements."""

    def __init__(
        self, person: Person, keystrokes: Sequence[Keystroke], rng: np.random.Generator, effort: float = 1.0
    ) -> None:
        v = person.variability
        presses = [(k, k.label) for k in keystrokes if k.label is not None]
        labels = np.array([label for _, label in presses], dtype=np.intp)
        anchor = np.array([[k.start, k.start, k.end] for k, _ in presses]).reshape(-1, PHASES)
        count = len(presses)
        self.hand = _hands(person, labels)
        self.centre = anchor + _CENTRE + person.lead + rng.normal(0, v.onset, (count, PHASES))
        self.width = _WIDTH * person.tempo * np.exp(rng.normal(0, v.duration, (count, PHASES)))
        scatter = rng.normal(0, v.press_effort, (count, 1, 1)) + rng.normal(
            0, v.muscle_effort, (count, PHASES, len(MUSCLES))
        )
        shift = (labels == _SHIFT)[:, None, None]
        self.drive = np.where(shift, person.shifts[self.hand], person.keys[labels]) * effort * np.exp(scatter)
        self.tone = person.tone
        self._presses = np.concatenate([[-np.inf], np.sort(anchor[:, 0]), [np.inf]])

    def drive_from(self, start: float, samples: int) -> F64:
        """Return the (hands, muscles, samples) drive from `start` s on, at DRIVE_RATE."""
        drive = self.tone[:, :, None] * (1 + _TENSION * self._tension(start + np.arange(samples) / DRIVE_RATE))
        end = start + samples / DRIVE_RATE
        reach = _SUPPORT * self.width
        for press, phase in np.argwhere((self.centre + reach > start) & (self.centre - reach < end)):
            centre, width = self.centre[press, phase], self.width[press, phase]
            first = max(0, int(np.ceil((centre - _SUPPORT * width - start) * DRIVE_RATE)))
            last = min(samples, int(np.floor((centre + _SUPPORT * width - start) * DRIVE_RATE)) + 1)
            t = start + np.arange(first, last) / DRIVE_RATE
            bump = np.exp(-0.5 * ((t - centre) / width) ** 2)
            drive[self.hand[press], :, first:last] += self.drive[press, phase][:, None] * bump
        return drive

    def _tension(self, times: F64) -> F64:
        """Return the tension at each time, from 0 (at rest) to 1 (typing), by the distance of the nearest press."""
        before = np.searchsorted(self._presses, times) - 1
        nearest = np.minimum(times - self._presses[before], self._presses[before + 1] - times)
        tension: F64 = np.clip((_RELAXED_S - nearest) / (_RELAXED_S - _TENSE_S), 0.0, 1.0)
        return tension


def _hands(person: Person, labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the (presses,) hand of each press; ⇧ is held by the hand that does not strike the key after it."""
    hands = np.array([HANDS.index(strike.hand) for strike in person.typist.strikes], dtype=np.intp)[labels]
    for press in np.flatnonzero(labels[:-1] == _SHIFT):
        hands[press] = 1 - hands[press + 1]
    return hands


class Muscles:
    """The motor units of a forearm, which turn drive into spikes; the state is the phase of each unit."""

    def __init__(self, units: MotorUnits, rng: np.random.Generator) -> None:
        self._units = units
        self._rng = rng
        self._phase = rng.random(len(units.muscle))

    def fire(self, drive: F64, rate: float) -> csr_array:
        """Turn (muscles, samples at DRIVE_RATE) drive into sparse (samples at `rate`, units) spike counts."""
        excess = (drive[self._units.muscle] - self._units.threshold[:, None]).astype(np.float32)
        firing = np.where(excess > 0, np.minimum(_RATE_MIN + _RATE_GAIN * excess, _RATE_MAX), np.float32(0))
        phase = np.cumsum(firing, axis=1, dtype=np.float64)
        phase *= 1 / DRIVE_RATE
        phase += self._phase[:, None]
        turns = np.floor(phase)
        unit, sample = np.nonzero(np.diff(turns, axis=1, prepend=0.0))
        self._phase = phase[:, -1] - turns[:, -1]
        samples = round(drive.shape[1] * rate / DRIVE_RATE)
        # Real spike trains are irregular: each spike is displaced by a few ms, within the block.
        times = (sample + self._rng.normal(0, 4.0, len(sample)) + self._rng.random(len(sample))) * (rate / DRIVE_RATE)
        rows = np.clip(times.astype(np.intp), 0, samples - 1)
        return csr_array((np.ones(len(rows), np.float32), (rows, unit)), shape=(samples, len(self._units.muscle)))


class Electrodes:
    """The electrodes of a band on a forearm, which turn spikes into µV; the state is the response to late spikes."""

    def __init__(self, person: Person, donning: Donning, hand: int, electrodes: int, rate: float, gain: float) -> None:
        units = person.units[hand]
        turn = np.arange(electrodes) * 2 * np.pi / electrodes * (-1.0 if HANDS[hand] == "left" else 1.0)
        # Angles between electrodes and units: (electrodes, units).
        angle = turn[:, None] + donning.rotation[hand] - units.angle
        radius = 1.0 + donning.lift[hand] + person.fat
        distance = np.sqrt(radius**2 + units.depth**2 - 2 * radius * units.depth * np.cos(angle) + _SMEAR**2)
        weight = gain * person.strength * donning.gain[hand][:, None] * units.size * (_SMEAR / distance) ** _FALL_OFF
        # Deep or distant units give wide potentials: a soft choice among the widths by distance.
        nearness = np.clip((_NEAR - distance) / 0.6, 0, 1)
        shares = np.stack([1.0 - 0.55 * nearness, 0.42 * nearness + 0.05, 0.20 * nearness**2])
        # (widths, electrodes, units)
        self._mix = shares * weight
        self._kernels = _action_potentials(rate, person.conduction)
        self._carry = np.zeros((self._kernels.shape[1] - 1, electrodes), np.float32)
        self._hour = 3600 * rate
        self._drift, self._fatigue = donning.drift[hand], donning.fatigue
        self._sample = 0

    def measure(self, spikes: csr_array) -> F32:
        """Turn (samples, units) spikes into (samples, electrodes) µV; the response to late spikes is carried over."""
        samples = spikes.shape[0]
        signal = np.zeros((samples + len(self._carry), self._carry.shape[1]), np.float32)
        signal[: len(self._carry)] += self._carry
        for mix, kernel in zip(self._mix_now(), self._kernels, strict=True):
            # (samples, electrodes)
            sources = np.asarray(spikes @ mix.T.astype(np.float32))
            signal += oaconvolve(sources, kernel[:, None], axes=0)
        self._sample += samples
        self._carry = signal[samples:]
        block: F32 = signal[:samples]
        return block

    def _mix_now(self) -> F64:
        """Return the mix as sweat and fatigue have changed it so far."""
        hours = self._sample / self._hour
        gain = np.exp(hours * self._drift)[:, None]
        wide, middle, narrow = self._mix * gain
        tired = min(1.0, hours * self._fatigue)
        return np.stack([wide + tired * (middle + narrow), (1 - tired) * middle, (1 - tired) * narrow])


def _action_potentials(rate: float, conduction: float) -> F32:
    """Return the (widths, taps) second derivatives of Gaussians, with peak 1."""
    widths = _ACTION_POTENTIALS * conduction
    half = int(np.ceil(4 * widths.max() * rate))
    t = np.arange(-half, half + 1) / rate / widths[:, None]
    kernels: F32 = ((1 - t**2) * np.exp(-0.5 * t**2)).astype(np.float32)
    return kernels
