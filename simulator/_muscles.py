"""The forearm muscles that a key press uses.

Sixteen muscles per forearm have their places around the limb, with cross-sections as in Gray's anatomy: flexors on the
volar side, extensors on the dorsal side, ulna and little finger to one side, radius and thumb to the other. A press is
three movements: reach for the key, strike it, lift off. Muscle bursts begin tens of ms before the press and last
50-150 ms (emg2qwerty recordings).
"""

from dataclasses import dataclass

import numpy as np

from messages.signal import F64
from simulator.keyboard import Strike


@dataclass(frozen=True, slots=True)
class Muscle:
    """A muscle and its place in the cross-section of the forearm."""

    name: str
    angle: float
    """Degrees around the limb: 0 radial (thumb side), 90 dorsal, 180 ulnar, 270 volar."""
    depth: float
    """Distance of the muscle's centre from the limb's axis, in radii of the limb (1 = skin)."""


FINGERS = 5
"""Number of fingers: 0 thumb, 1 index, 2 middle, 3 ring, 4 little."""

MUSCLES: tuple[Muscle, ...] = (
    # Flexors of thumb, index, middle, ring, little finger
    Muscle("flexor pollicis longus", 318, 0.50),
    Muscle("flexor digitorum, index", 296, 0.58),
    Muscle("flexor digitorum, middle", 270, 0.66),
    Muscle("flexor digitorum, ring", 246, 0.64),
    Muscle("flexor digitorum, little", 222, 0.58),
    # Extensors of thumb, index, middle, ring, little finger
    Muscle("extensor pollicis longus", 62, 0.60),
    Muscle("extensor digitorum, index", 82, 0.70),
    Muscle("extensor digitorum, middle", 98, 0.76),
    Muscle("extensor digitorum, ring", 116, 0.74),
    Muscle("extensor digiti minimi", 136, 0.70),
    # Wrist
    Muscle("flexor carpi radialis", 300, 0.78),
    Muscle("flexor carpi ulnaris", 204, 0.78),
    Muscle("extensor carpi radialis", 32, 0.76),
    Muscle("extensor carpi ulnaris", 160, 0.76),
    # Thumb abduction, turning of the forearm
    Muscle("abductor pollicis longus", 12, 0.62),
    Muscle("pronator teres", 340, 0.52),
)
INDEX = {muscle.name: i for i, muscle in enumerate(MUSCLES)}

_FLEXOR, _EXTENSOR = 0, FINGERS
_FCR, _FCU, _ECR, _ECU = (
    INDEX[f"{kind} carpi {side}"] for kind in ("flexor", "extensor") for side in ("radialis", "ulnaris")
)
_APL, _PT = INDEX["abductor pollicis longus"], INDEX["pronator teres"]

# A finger moves its neighbours too ("enslaving", Zatsiorsky et al. 2000): the ring finger most, the thumb hardly.
_ENSLAVING = np.array(
    [
        [1.00, 0.08, 0.03, 0.02, 0.02],
        [0.06, 1.00, 0.20, 0.08, 0.04],
        [0.03, 0.18, 1.00, 0.26, 0.10],
        [0.02, 0.08, 0.28, 1.00, 0.30],
        [0.02, 0.05, 0.14, 0.38, 1.00],
    ]
)

PHASES = 3
"""Number of movements of a press: reach, strike, lift off."""


def activation(strike: Strike) -> F64:
    """Return the (PHASES, muscles) drive; 1 is the usual effort of a finger's own muscle in a home-row press."""
    reach, hit, lift = np.zeros((PHASES, len(MUSCLES)))
    fingers = _ENSLAVING[strike.finger]
    up, down = max(strike.row, 0), max(-strike.row, 0)
    # Lateral reach is counted in key widths towards the little finger (ulnar) of either hand.
    ulnar, radial = max(strike.reach, 0.0), max(-strike.reach, 0.0)
    thumb = strike.finger == 0

    reach[_EXTENSOR : _EXTENSOR + FINGERS] = fingers * (0.55 + 0.45 * up)
    reach[_FLEXOR : _FLEXOR + FINGERS] = fingers * 0.45 * (0 if thumb else down)
    reach[_ECR] += 0.10 + 0.30 * up + 0.35 * radial
    reach[_ECU] += 0.08 + 0.18 * up + 0.45 * ulnar
    reach[_FCR] += 0.35 * (0 if thumb else down) + 0.20 * radial
    reach[_FCU] += 0.25 * (0 if thumb else down) + 0.35 * ulnar

    hit[_FLEXOR : _FLEXOR + FINGERS] = fingers * (1.0 + 0.12 * down - 0.10 * up)
    hit[_EXTENSOR : _EXTENSOR + FINGERS] = fingers * (0.20 + 0.15 * up)
    hit[_FCR] += 0.12 + 0.20 * radial
    hit[_FCU] += 0.12 + 0.25 * ulnar
    # The wrist is held against the strike.
    hit[_ECR] += 0.15
    hit[_ECU] += 0.12

    lift[_EXTENSOR : _EXTENSOR + FINGERS] = fingers * (0.70 - 0.10 * up + 0.10 * down)
    lift[_ECR] += 0.10
    if thumb:
        hit[_APL] += 0.35
        hit[_PT] += 0.25
        lift[_APL] += 0.20
    return np.stack([reach, hit, lift])
