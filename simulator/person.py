"""A simulated person: forearm anatomy, strength and finger habits from one seed; and one donning of the bands."""

from dataclasses import dataclass

import numpy as np

from decoder.charset import KEYS
from simulator.keyboard import strike
from simulator.muscles import MUSCLES, PHASES, FloatArray, activation
from simulator.typist import Typist, random_typist

HANDS = ("left", "right")


@dataclass(frozen=True, slots=True)
class Variability:
    """What no published statistic fixes: how much one press differs from the next, one person from another.

    Set once on people who are never reported (seeds from 900 up), then frozen.
    """

    press_effort: float = 0.22
    """Standard deviation of the log effort of a whole press."""
    muscle_effort: float = 0.32
    """Standard deviation of the log effort of each muscle within a press."""
    onset: float = 0.010
    """Seconds: standard deviation of a movement's onset."""
    duration: float = 0.22
    """Standard deviation of the log duration of a movement."""
    habit: float = 0.30
    """Standard deviation of a person's log effort per key, movement and muscle."""
    anatomy: float = 7.0
    """Degrees: standard deviation of a muscle's place around the limb."""


@dataclass(frozen=True, slots=True)
class MotorUnits:
    """The motor units of one forearm."""

    muscle: np.ndarray
    """(units,) index of the muscle."""
    angle: FloatArray
    """(units,) radians around the limb."""
    depth: FloatArray
    """(units,) distance from the axis in limb radii."""
    threshold: FloatArray
    """(units,) drive at which the unit is recruited."""
    size: FloatArray
    """(units,) amplitude of its action potential; late recruits are larger (Henneman's size principle)."""


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated person."""

    seed: int
    typist: Typist
    units: tuple[MotorUnits, MotorUnits]
    """Left and right forearm. The left one mirrors the right but for individual scatter."""
    keys: FloatArray
    """(keys, PHASES, muscles) this person's drive for each key."""
    tone: FloatArray
    """(hands, muscles) drive of the resting posture over a keyboard."""
    strength: float
    """Overall amplitude relative to the population's mean."""
    variability: Variability


UNITS_PER_MUSCLE = 16


def make_person(seed: int, variability: Variability | None = None) -> Person:
    """Draw a person. The same seed gives the same person."""
    v = variability or Variability()
    rng = np.random.default_rng([seed, 1])
    angles = np.array([m.angle for m in MUSCLES]) + rng.normal(0, v.anatomy, len(MUSCLES))
    depths = np.array([m.depth for m in MUSCLES]) + rng.normal(0, 0.03, len(MUSCLES))
    left, right = (
        _motor_units(
            mirror * np.deg2rad(angles + rng.normal(0, 0.3 * v.anatomy, len(MUSCLES))),
            depths + rng.normal(0, 0.01, len(MUSCLES)),
            rng,
        )
        for mirror in (-1.0, 1.0)
    )
    common = rng.normal(0, 0.6 * v.habit, (1, PHASES, len(MUSCLES)))
    habits = np.exp(common + rng.normal(0, 0.8 * v.habit, (len(KEYS), PHASES, len(MUSCLES))))
    patterns = np.stack([activation(strike(label)) for label in range(len(KEYS))])
    # A little of everything is active in every key, differently for each person and key.
    stray = np.abs(rng.normal(0, 0.03, patterns.shape))
    return Person(
        seed=seed,
        typist=random_typist(np.random.default_rng([seed, 6])),  # of its own: habits and anatomy are independent
        units=(left, right),
        keys=patterns * habits + stray,
        tone=0.010 * np.exp(rng.normal(0, 0.4, (len(HANDS), len(MUSCLES)))),
        strength=float(np.exp(rng.normal(0, 0.12))),
        variability=v,
    )


def _motor_units(angles: FloatArray, depths: FloatArray, rng: np.random.Generator) -> MotorUnits:
    count = len(angles) * UNITS_PER_MUSCLE
    rank = np.tile((np.arange(UNITS_PER_MUSCLE) + 0.5) / UNITS_PER_MUSCLE, len(angles))
    return MotorUnits(
        muscle=np.repeat(np.arange(len(angles)), UNITS_PER_MUSCLE),
        angle=np.repeat(angles, UNITS_PER_MUSCLE) + rng.normal(0, np.deg2rad(9), count),
        depth=np.clip(np.repeat(depths, UNITS_PER_MUSCLE) + rng.normal(0, 0.06, count), 0.2, 0.9),
        # Thresholds crowd at low drive and end at half of the usual effort (Fuglevand et al. 1993).
        threshold=0.5 * (np.exp(3.0 * rank) - 1) / (np.exp(3.0) - 1),
        size=np.exp(1.8 * rank + rng.normal(0, 0.25, count)),
    )


@dataclass(frozen=True, slots=True)
class Donning:
    """How the two bands sit in one session, and what disturbs it."""

    rotation: tuple[float, float]
    """Radians by which each band is turned around its limb."""
    lift: tuple[float, float]
    """Extra distance of the electrodes from the muscles, in limb radii (nearer the wrist or the elbow)."""
    gain: FloatArray
    """(hands, electrodes) contact gain."""
    contact_artifacts: bool
    """A quarter of real sessions carry them."""
    mains: float
    """µV of 60 Hz hum; 3 % of real sessions carry it."""


def don(seed: int, electrodes: int) -> Donning:
    """Put the bands on once more: rotation of about ±1 electrode, other contacts. Deterministic by seed."""
    rng = np.random.default_rng([seed, 2])
    left, right = rng.normal(0, 0.6 * 2 * np.pi / electrodes, len(HANDS))
    lift_left, lift_right = rng.uniform(0.0, 0.08, len(HANDS))
    return Donning(
        rotation=(left, right),
        lift=(lift_left, lift_right),
        gain=np.exp(rng.normal(0, 0.12, (len(HANDS), electrodes))),
        contact_artifacts=bool(rng.random() < 0.25),
        mains=float(rng.uniform(2, 6)) if rng.random() < 0.03 else 0.0,
    )
