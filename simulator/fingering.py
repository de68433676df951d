"""Which finger one person strikes each key with: touch typing as taught, and the ways in which people depart from it.

Everyday typists leave the textbook most at its borders: keys between two fingers' columns, the little fingers' keys,
and the thumb of the space bar (Feit, Weir & Oulasvirta 2016, "How We Type"; Dhakal et al. 2018). The shares below are
set by judgement in that spirit, not measured.
"""

import numpy as np

from messages.charset import BACKSPACE, ENTER, KEYS, SHIFT, SPACE
from simulator.keyboard import TEXTBOOK, Strike, strike_with, unshifted

# Keys that go over together, to which finger, and in which share of the people.
_DEPARTURES: tuple[tuple[str, str, int, float], ...] = (
    ("b", "right", 1, 0.30),
    ("y", "left", 1, 0.10),
    ("6", "left", 1, 0.50),
    ("c", "left", 1, 0.30),
    ("x", "left", 2, 0.25),
    ("z", "left", 3, 0.35),
    ("q", "left", 3, 0.25),
    ("a", "left", 3, 0.06),
    ("p", "right", 3, 0.35),
    ("o", "right", 2, 0.15),
    ("i", "right", 1, 0.08),
    ("u", "right", 2, 0.05),
    ("m", "right", 2, 0.20),
    ("e", "left", 1, 0.05),
    ("w", "left", 2, 0.12),
    ("'", "right", 3, 0.30),
    (".", "right", 2, 0.20),
    (BACKSPACE, "right", 3, 0.35),
    (ENTER, "right", 3, 0.25),
    (SPACE, "left", 0, 0.25),
)


def fingering(rng: np.random.Generator) -> tuple[Strike, ...]:
    """How one person strikes the key of each label; ⇧ stands as the left one (see `keyboard.shift_strike`)."""
    own = {key: (hand, finger) for key, hand, finger, share in _DEPARTURES if rng.random() < share}
    strikes = list(TEXTBOOK)
    for label, key in enumerate(KEYS):
        if key != SHIFT and (other := own.get(unshifted(label))):
            strikes[label] = strike_with(label, *other)
    return tuple(strikes)
