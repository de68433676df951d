"""A donning of the two bands: their position, and the disturbances of the signal until they are taken off."""

from dataclasses import dataclass

import numpy as np

from messages.signal import F64
from simulator.person import HANDS


@dataclass(frozen=True, slots=True)
class Donning:
    """The position of the two bands in a session, and its disturbances."""

    rotation: tuple[float, float]
    """Angle in radians by which each band is turned around its limb."""
    lift: tuple[float, float]
    """Extra distance of the electrodes from the muscles, in limb radii (nearer the wrist or the elbow)."""
    gain: F64
    """(hands, electrodes) contact gain."""
    effort: float
    """Effort of the key presses in this session, relative to the person's usual effort."""
    drift: F64
    """(hands, electrodes) log gain per hour, as sweat and slip change the contacts."""
    fatigue: float
    """Share per hour by which action potentials move from narrow to wide: tired fibres conduct slower."""
    contact_artifacts: bool
    """True: contact artifacts occur, as in a quarter of real sessions."""
    mains: float
    """Amplitude of 60 Hz hum in µV; 3 % of real sessions have hum."""
    noise: F64
    """(hands, electrodes) noise above 150 Hz from bad contacts, in µV; mostly 0."""


def don(seed: int, electrodes: int) -> Donning:
    """Draw a donning: a rotation of about ±1 electrode, other contacts. The same seed gives the same donning."""
    rng = np.random.default_rng([seed, 2])
    shape = (len(HANDS), electrodes)
    rotation_left, rotation_right = rng.normal(0, 0.6 * 2 * np.pi / electrodes, len(HANDS))
    lift_left, lift_right = rng.uniform(0.0, 0.08, len(HANDS))
    bad = rng.random(shape) < (0.06 if rng.random() < 0.3 else 0.0)
    return Donning(
        rotation=(rotation_left, rotation_right),
        lift=(lift_left, lift_right),
        gain=np.exp(rng.normal(0, 0.12, shape)),
        effort=float(np.exp(rng.normal(0, 0.12))),
        drift=rng.normal(0, 0.25, shape) + rng.normal(0, 0.25, (len(HANDS), 1)),
        fatigue=float(rng.uniform(0.0, 0.15)),
        contact_artifacts=bool(rng.random() < 0.25),
        mains=float(rng.uniform(2, 6)) if rng.random() < 0.03 else 0.0,
        noise=np.where(bad, rng.uniform(1.5, 5.0, shape), 0.0),
    )
