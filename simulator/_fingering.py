"""The finger with which a person strikes each key: touch typing as taught, with a person's own departures from it.

Everyday typists depart from the textbook mostly at its borders: keys between the columns of two fingers, the keys of
the little fingers, and the thumb of the space bar (Feit, Weir & Oulasvirta 2016, "How We Type"; Dhakal et al. 2018).
The shares below are estimates in the spirit of these papers, not measurements.
"""

import numpy as np

from messages.charset import BACKSPACE, ENTER, KEYS, SHIFT, SPACE
from simulator.keyboard import TEXTBOOK, Strike, strike_with, unshifted_key

# A key, the hand and finger that strikes it instead, and the share of people who do so.
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
    """Draw the strike of each label's key for a person; that of ⇧ is the left one (see `keyboard.shift_strike`)."""
    departures = {key: (hand, finger) for key, hand, finger, share in _DEPARTURES if rng.random() < share}
    strikes = list(TEXTBOOK)
    for label, key in enumerate(KEYS):
        if key != SHIFT and (hand_and_finger := departures.get(unshifted_key(label))):
            strikes[label] = strike_with(label, *hand_and_finger)
    return tuple(strikes)
