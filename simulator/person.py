"""A simulated person: forearm anatomy, strength, fingering and habits from one seed."""

from dataclasses import dataclass

import numpy as np

from messages.charset import KEYS
from messages.signal import F64
from simulator._fingering import fingering
from simulator._muscles import MUSCLES, PHASES, activation
from simulator.keyboard import Strike, shift_strike
from simulator.typist import Typist, random_typist

HANDS = ("left", "right")


@dataclass(frozen=True, slots=True)
class Variability:
    """Differences between presses and between people, which no published statistic gives.

    They were set once on people who appear in no report (seeds from 900 up), and then frozen: `simulator.population`
    identifies the result by a hash.
    """

    press_effort: float = 0.22
    """Standard deviation of the log effort of a whole press."""
    muscle_effort: float = 0.32
    """Standard deviation of the log effort of each muscle within a press."""
    onset: float = 0.010
    """Standard deviation of a movement's onset, in seconds."""
    duration: float = 0.22
    """Standard deviation of the log duration of a movement."""
    style: float = 0.35
    """Standard deviation of a person's log effort per movement and muscle, the same for all keys."""
    habit: float = 0.30
    """Standard deviation of a person's log effort per key, movement and muscle."""
    lead: float = 0.010
    """Standard deviation of a person's own offset in time of each of the three movements, in seconds."""
    tempo: float = 0.15
    """Standard deviation of a person's log duration of movements."""
    turn: float = 10.0
    """Standard deviation of the angle between all muscles of a person and the bands' markers, in degrees."""
    anatomy: float = 8.0
    """Standard deviation of a muscle's place around the limb, in degrees."""
    depth: float = 0.035
    """Standard deviation of a muscle's depth, in limb radii."""
    fat: float = 0.10
    """Greatest distance by which a person's skin and fat lift the electrodes off the muscles, in limb radii."""
    conduction: float = 0.06
    """Standard deviation of the log width of a person's action potentials (conduction velocity, fibre size)."""
    strength: float = 0.22
    """Standard deviation of a person's log amplitude."""
    tone: float = 0.5
    """Standard deviation of the log drive of each muscle at rest."""


@dataclass(frozen=True, slots=True)
class MotorUnits:
    """The motor units of one forearm."""

    muscle: np.ndarray
    """(units,) index of each unit's muscle."""
    angle: F64
    """(units,) radians around the limb."""
    depth: F64
    """(units,) distance from the limb's axis, in limb radii."""
    threshold: F64
    """(units,) drive at which the unit is recruited."""
    size: F64
    """(units,) amplitude of its action potential; late recruits are larger (Henneman's size principle)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A simulated person."""

    seed: int
    typist: Typist
    units: tuple[MotorUnits, MotorUnits]
    """Left and right forearm. The left one mirrors the right one, except for individual scatter."""
    keys: F64
    """(keys, PHASES, muscles) drive of this person for each key; ⇧ has its own, by hand."""
    shifts: F64
    """(hands, PHASES, muscles) drive for the left and the right ⇧."""
    lead: F64
    """(PHASES,) seconds by which each movement is later than the population's."""
    tempo: float
    """Duration of movements relative to the population's."""
    tone: F64
    """(hands, muscles) drive of the resting posture over a keyboard."""
    strength: float
    """Amplitude relative to the population's."""
    fat: float
    """Limb radii between muscles and electrodes beyond the leanest person's."""
    conduction: float
    """Width of action potentials relative to the population's."""
    variability: Variability


UNITS_PER_MUSCLE = 16
"""Number of motor units of each muscle."""


def make_person(seed: int, variability: Variability | None = None) -> Person:
    """Draw a person. The same seed gives the same person."""
    v = variability or Variability()
    rng = np.random.default_rng([seed, 1])
    count = len(MUSCLES)
    angles = np.array([m.angle for m in MUSCLES]) + rng.normal(0, v.turn) + rng.normal(0, v.anatomy, count)
    depths = np.array([m.depth for m in MUSCLES]) + rng.normal(0, v.depth, count)
    units_left, units_right = (
        _motor_units(
            mirror * np.deg2rad(angles + rng.normal(0, 0.3 * v.turn) + rng.normal(0, 0.3 * v.anatomy, count)),
            depths + rng.normal(0, 0.3 * v.depth, count),
            rng,
        )
        for mirror in (-1.0, 1.0)
    )
    style = np.exp(rng.normal(0, v.style, (PHASES, count)))

    def drive(strikes: tuple[Strike, ...]) -> F64:
        patterns = np.stack([activation(strike) for strike in strikes])
        # Every muscle is slightly active in every key, differently for each person and key.
        stray = np.abs(rng.normal(0, 0.03, patterns.shape))
        return patterns * style * np.exp(rng.normal(0, v.habit, patterns.shape)) + stray

    strikes = fingering(np.random.default_rng([seed, 7]))
    keys = drive(strikes)
    assert len(keys) == len(KEYS)
    return Person(
        seed=seed,
        # Its own random numbers: habits and anatomy are independent.
        typist=random_typist(np.random.default_rng([seed, 6]), strikes),
        units=(units_left, units_right),
        keys=keys,
        shifts=drive((shift_strike("right"), shift_strike("left"))),
        lead=rng.normal(0, v.lead, PHASES),
        tempo=float(np.exp(rng.normal(0, v.tempo))),
        tone=0.008 * np.exp(rng.normal(0, v.tone, (len(HANDS), count))),
        strength=float(np.exp(rng.normal(0, v.strength))),
        fat=float(rng.uniform(0, v.fat)),
        conduction=float(np.exp(rng.normal(0, v.conduction))),
        variability=v,
    )


def _motor_units(angles: F64, depths: F64, rng: np.random.Generator) -> MotorUnits:
    count = len(angles) * UNITS_PER_MUSCLE
    rank = np.tile((np.arange(UNITS_PER_MUSCLE) + 0.5) / UNITS_PER_MUSCLE, len(angles))
    return MotorUnits(
        muscle=np.repeat(np.arange(len(angles)), UNITS_PER_MUSCLE),
        angle=np.repeat(angles, UNITS_PER_MUSCLE) + rng.normal(0, np.deg2rad(9), count),
        depth=np.clip(np.repeat(depths, UNITS_PER_MUSCLE) + rng.normal(0, 0.06, count), 0.2, 0.9),
        # Most thresholds are low; the highest is half of the usual effort (Fuglevand et al. 1993).
        threshold=0.5 * (np.exp(3.0 * rank) - 1) / (np.exp(3.0) - 1),
        size=np.exp(1.8 * rank + rng.normal(0, 0.25, count)),
    )
