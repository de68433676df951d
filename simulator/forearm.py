"""Key presses to what sixteen muscles per forearm do, to motor-unit spikes, to the signal under each electrode.

Recruitment and rate coding after Fuglevand, Winter & Patla (1993); action potentials as the second derivative of a
Gaussian (the three phases that a bipolar pair sees of a depolarised zone that passes), wider the deeper the unit lies
because tissue is a low-pass.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve
from scipy.sparse import csr_array

from messages.charset import LABELS, SHIFT
from messages.typed import Keystroke
from simulator.donning import Donning
from simulator.muscles import MUSCLES, PHASES, FloatArray
from simulator.person import HANDS, MotorUnits, Person

_SHIFT = LABELS[SHIFT]
DRIVE_RATE = 1000
"""Samples per second of muscle drive: movements are slow."""

# Reach, strike and lift off: centre relative to press (reach, strike) or release (lift off), and width, in seconds.
_CENTRE = np.array([-0.065, -0.022, 0.004])
_WIDTH = np.array([0.0215, 0.0158, 0.0172])
# Around every press all muscles are tense, by so many times their tone at rest: real recordings hardly fall silent
# between the bursts.
_TENSION = 3.75
_TENSE, _RELAXED = 0.15, 0.45  # seconds to the nearest press up to which they are, and from which on they rest
_SUPPORT = 3.0  # widths to either side beyond which a movement counts as nothing

# Widths of the action potentials in seconds, and which depth sees which: fitted to the real power density (50-100 Hz
# highest, two decades lower at 400 Hz).
_ACTION_POTENTIALS = np.array([0.0029, 0.0016, 0.00082])
# Fields fall off with distance; skin and fat smear them. Fitted to the correlation of electrodes around the ring.
_SPREAD = 0.55  # limb radii
_FALL_OFF = 2.6
_NEAR = 1.5
_RATE_MIN, _RATE_GAIN, _RATE_MAX = 8.0, 70.0, 45.0  # spikes per second; per unit of drive


class Movements:
    """All movements of a session, drawn once, so that blocks of any size see the same ones."""

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

    def between(self, start: float, samples: int) -> FloatArray:
        """(hands, muscles, samples) drive from `start` s on, at DRIVE_RATE."""
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

    def _tension(self, times: FloatArray) -> FloatArray:
        """0 (at rest) to 1 (typing) at each of these times, by how far the nearest press is."""
        before = np.searchsorted(self._presses, times) - 1
        nearest = np.minimum(times - self._presses[before], self._presses[before + 1] - times)
        tension: FloatArray = np.clip((_RELAXED - nearest) / (_RELAXED - _TENSE), 0.0, 1.0)
        return tension


def _hands(person: Person, labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """(presses,) hand of each; ⇧ is held by the hand that does not strike the key behind it."""
    hands = np.array([HANDS.index(strike.hand) for strike in person.typist.strikes], dtype=np.intp)[labels]
    for press in np.flatnonzero(labels[:-1] == _SHIFT):
        hands[press] = 1 - hands[press + 1]
    return hands


class Muscles:
    """Drive to spikes: one forearm's motor units, with the phase each has reached."""

    def __init__(self, units: MotorUnits, rng: np.random.Generator) -> None:
        self._units = units
        self._rng = rng
        self._phase = rng.random(len(units.muscle))

    def push(self, drive: FloatArray, rate: float) -> csr_array:
        """(muscles, samples at DRIVE_RATE) drive → sparse (samples at `rate`, units) spike counts."""
        excess = (drive[self._units.muscle] - self._units.threshold[:, None]).astype(np.float32)
        firing = np.where(excess > 0, np.minimum(_RATE_MIN + _RATE_GAIN * excess, _RATE_MAX), np.float32(0))
        phase = np.cumsum(firing, axis=1, dtype=np.float64)
        phase *= 1 / DRIVE_RATE
        phase += self._phase[:, None]
        turns = np.floor(phase)
        unit, sample = np.nonzero(np.diff(turns, axis=1, prepend=0.0))
        self._phase = phase[:, -1] - turns[:, -1]
        samples = round(drive.shape[1] * rate / DRIVE_RATE)
        # Real trains are irregular: each spike strays by a few ms, within the block.
        times = (sample + self._rng.normal(0, 4.0, len(sample)) + self._rng.random(len(sample))) * (rate / DRIVE_RATE)
        rows = np.clip(times.astype(np.intp), 0, samples - 1)
        return csr_array((np.ones(len(rows), np.float32), (rows, unit)), shape=(samples, len(self._units.muscle)))


class Electrodes:
    """Spikes to µV under a ring of electrodes: one band on one forearm."""

    def __init__(self, person: Person, donning: Donning, hand: int, electrodes: int, rate: float, gain: float) -> None:
        units = person.units[hand]
        turn = np.arange(electrodes) * 2 * np.pi / electrodes * (-1.0 if HANDS[hand] == "left" else 1.0)
        around = turn[:, None] + donning.rotation[hand] - units.angle  # (electrodes, units)
        radius = 1.0 + donning.lift[hand] + person.fat
        distance = np.sqrt(radius**2 + units.depth**2 - 2 * radius * units.depth * np.cos(around) + _SPREAD**2)
        weight = gain * person.strength * donning.gain[hand][:, None] * units.size * (_SPREAD / distance) ** _FALL_OFF
        # Deep or far units look wide: a soft choice among the widths by distance.
        nearness = np.clip((_NEAR - distance) / 0.6, 0, 1)
        shares = np.stack([1.0 - 0.55 * nearness, 0.42 * nearness + 0.05, 0.20 * nearness**2])
        self._mix = shares * weight  # (widths, electrodes, units)
        self._kernels = _action_potentials(rate, person.conduction)
        self._carry = np.zeros((self._kernels.shape[1] - 1, electrodes), np.float32)
        self._hour = 3600 * rate
        self._drift, self._fatigue = donning.drift[hand], donning.fatigue
        self._sample = 0

    def push(self, spikes: csr_array) -> npt.NDArray[np.float32]:
        """(samples, units) spikes → (samples, electrodes) µV; the response to late spikes is carried over."""
        samples = spikes.shape[0]
        signal = np.zeros((samples + len(self._carry), self._carry.shape[1]), np.float32)
        signal[: len(self._carry)] += self._carry
        for mix, kernel in zip(self._mix_now(), self._kernels, strict=True):
            sources = np.asarray(spikes @ mix.T.astype(np.float32))  # (samples, electrodes)
            signal += oaconvolve(sources, kernel[:, None], axes=0)
        self._sample += samples
        self._carry = signal[samples:]
        under: npt.NDArray[np.float32] = signal[:samples]
        return under

    def _mix_now(self) -> FloatArray:
        """The mix after what sweat and fatigue have done so far."""
        hours = self._sample / self._hour
        gain = np.exp(hours * self._drift)[:, None]
        wide, middle, narrow = self._mix * gain
        tired = min(1.0, hours * self._fatigue)
        return np.stack([wide + tired * (middle + narrow), (1 - tired) * middle, (1 - tired) * narrow])


def _action_potentials(rate: float, conduction: float) -> npt.NDArray[np.float32]:
    """(widths, taps) second derivatives of Gaussians, peak 1."""
    widths = _ACTION_POTENTIALS * conduction
    half = int(np.ceil(4 * widths.max() * rate))
    t = np.arange(-half, half + 1) / rate / widths[:, None]
    kernels: npt.NDArray[np.float32] = ((1 - t**2) * np.exp(-0.5 * t**2)).astype(np.float32)
    return kernels
