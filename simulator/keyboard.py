"""A US keyboard as touch typists use it: the hand and finger that strikes each key, and its reach."""

from dataclasses import dataclass
from functools import cache

from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE


@dataclass(frozen=True, slots=True)
class Strike:
    """The movement that strikes a key."""

    hand: str
    """"left" or "right"."""
    finger: int
    """Finger: 0 thumb, 1 index, 2 middle, 3 ring, 4 little."""
    row: int
    """Row: 2 digits, 1 upper letters, 0 home, -1 lower letters, -2 space bar."""
    reach: float
    """Key widths sideways from the finger's home key, the stagger of the rows included.

    Positive values point towards the little finger (ulnar), negative ones towards the thumb.
    """


# Physical rows from left to right, each with the offset of its first key from the home row's, in key widths.
_ROWS: tuple[tuple[int, float, str], ...] = (
    (2, -1.75, "`1234567890-="),
    (1, -0.25, "qwertyuiop[]\\"),
    (0, 0.0, "asdfghjkl;'"),
    (-1, 0.5, "zxcvbnm,./"),
)
_SHIFTED = dict(
    zip('~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?', "".join(keys for _, _, keys in _ROWS), strict=True),
)
# Hand, finger, place of its home key in the home row, and its keys; from the left little finger to the right one.
_FINGERS: tuple[tuple[str, int, float, str], ...] = (
    ("left", 4, 0, "`1qaz"),
    ("left", 3, 1, "2wsx"),
    ("left", 2, 2, "3edc"),
    ("left", 1, 3, "45rtfgvb"),
    ("right", 1, 6, "67yuhjnm"),
    ("right", 2, 7, "8ik,"),
    ("right", 3, 8, "9ol."),
    ("right", 4, 9, "0-=p[]\\;'/"),
)
_SPECIAL = {
    SPACE: Strike("right", 0, -2, 0.0),
    BACKSPACE: Strike("right", 4, 2, 3.0),
    ENTER: Strike("right", 4, 0, 2.25),
}
PLACES = {key: (row, offset + i) for row, offset, keys in _ROWS for i, key in enumerate(keys)}
"""Row (as in Strike) and left edge, in key widths, of the keys of single width."""
_HOME = {(hand, finger): home for hand, finger, home, _ in _FINGERS}


def needs_shift(label: int) -> bool:
    """Return whether the key is typed while ⇧ is held."""
    return KEYS[label] in _SHIFTED


def unshifted_key(label: int) -> str:
    """Return the key that is pressed for a label, with or without ⇧."""
    return _SHIFTED.get(KEYS[label], KEYS[label])


@cache
def strike(label: int) -> Strike:
    """Return the textbook strike of a label's key; ⇧ alone is the left one (see `shift_strike`)."""
    key = KEYS[label]
    if key == SHIFT:
        return shift_strike("right")
    if key in _SPECIAL:
        return _SPECIAL[key]
    key = unshifted_key(label)
    row, column = next((row, offset + keys.index(key)) for row, offset, keys in _ROWS if key in keys)
    hand, finger, home, _ = next(f for f in _FINGERS if key in f[3])
    return Strike(hand, finger, row, column - home if hand == "right" else home - column)


def shift_strike(hand: str) -> Strike:
    """Return the strike of ⇧ for a key struck by `hand`: with the little finger of the other hand."""
    return Strike("left", 4, -1, 1.25) if hand == "right" else Strike("right", 4, -1, 1.5)


def strike_with(label: int, hand: str, finger: int) -> Strike:
    """Return the strike of a key with another finger than the textbook's; thumbs strike the space bar alone."""
    usual = strike(label)
    if finger == 0 or usual.finger == 0:
        return Strike(hand, finger, usual.row, usual.reach)
    home = _HOME[usual.hand, usual.finger]
    column = home + (usual.reach if usual.hand == "right" else -usual.reach)
    reach = column - _HOME[hand, finger]
    return Strike(hand, finger, usual.row, reach if hand == "right" else -reach)


TEXTBOOK = tuple(strike(label) for label in range(len(KEYS)))
"""The strike of each label in touch typing as taught."""


def neighbours(label: int) -> tuple[int, ...]:
    """Return the labels of the unshifted keys beside a key, on which a finger lands that misses it."""
    key = KEYS[label]
    if key not in PLACES:
        return ()
    row, column = PLACES[key]
    return tuple(LABELS[k] for k, (r, c) in PLACES.items() if k != key and abs(r - row) <= 1 and abs(c - column) <= 1.0)
