"""One donning of the two bands: how they sit, and what disturbs the signal until they are taken off."""

from dataclasses import dataclass

import numpy as np

from simulator.muscles import FloatArray
from simulator.person import HANDS


@dataclass(frozen=True, slots=True)
class Donning:
    """How the two bands sit in one session, and what disturbs it."""

    rotation: tuple[float, float]
    """Radians by which each band is turned around its limb."""
    lift: tuple[float, float]
    """Extra distance of the electrodes from the muscles, in limb radii (nearer the wrist or the elbow)."""
    gain: FloatArray
    """(hands, electrodes) contact gain."""
    effort: float
    """How hard the keys are struck in this session, relative to the person's usual."""
    drift: FloatArray
    """(hands, electrodes) log gain per hour as sweat and slip change the contacts."""
    fatigue: float
    """Share per hour by which action potentials move from narrow to wide: tired fibres conduct slower."""
    contact_artifacts: bool
    """A quarter of real sessions carry them."""
    mains: float
    """µV of 60 Hz hum; 3 % of real sessions carry it."""
    noise: FloatArray
    """(hands, electrodes) µV of noise above 150 Hz from bad contacts; mostly 0."""


def don(seed: int, electrodes: int) -> Donning:
    """Put the bands on once more: rotation of about ±1 electrode, other contacts. Deterministic by seed."""
    rng = np.random.default_rng([seed, 2])
    shape = (len(HANDS), electrodes)
    left, right = rng.normal(0, 0.6 * 2 * np.pi / electrodes, len(HANDS))
    lift_left, lift_right = rng.uniform(0.0, 0.08, len(HANDS))
    bad = rng.random(shape) < (0.06 if rng.random() < 0.3 else 0.0)
    return Donning(
        rotation=(left, right),
        lift=(lift_left, lift_right),
        gain=np.exp(rng.normal(0, 0.12, shape)),
        effort=float(np.exp(rng.normal(0, 0.12))),
        drift=rng.normal(0, 0.25, shape) + rng.normal(0, 0.25, (len(HANDS), 1)),
        fatigue=float(rng.uniform(0.0, 0.15)),
        contact_artifacts=bool(rng.random() < 0.25),
        mains=float(rng.uniform(2, 6)) if rng.random() < 0.03 else 0.0,
        noise=np.where(bad, rng.uniform(1.5, 5.0, shape), 0.0),
    )
