"""A US keyboard as touch typists use it: which hand and finger strikes each key, and how far it has to reach."""

from dataclasses import dataclass
from functools import cache

from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE


@dataclass(frozen=True, slots=True)
class Strike:
    """How one key is struck."""

    hand: str
    """"left" or "right"."""
    finger: int
    """0 thumb, 1 index, 2 middle, 3 ring, 4 little."""
    row: int
    """2 digits, 1 upper letters, 0 home, -1 lower letters, -2 space bar."""
    reach: float
    """Key widths sideways from the finger's home key: positive towards the little finger (ulnar), negative towards the
    thumb. The rows' stagger counts."""


# Physical rows, left to right, with the offset of each row's first key against the home row's in key widths.
_ROWS: tuple[tuple[int, float, str], ...] = (
    (2, -1.75, "`1234567890-="),
    (1, -0.25, "qwertyuiop[]\\"),
    (0, 0.0, "asdfghjkl;'"),
    (-1, 0.5, "zxcvbnm,./"),
)
_SHIFTED = dict(
    zip('~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?', "".join(keys for _, _, keys in _ROWS), strict=True),
)
# Keys of each finger in every row, left little finger to right little finger, and its home key's place in the home row.
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
    """Whether the key is typed with ⇧ held."""
    return KEYS[label] in _SHIFTED


def unshifted(label: int) -> str:
    """The key that is pressed for a label, whether or not ⇧ is held with it."""
    return _SHIFTED.get(KEYS[label], KEYS[label])


@cache
def strike(label: int) -> Strike:
    """How the key of a label is struck; ⇧ alone is the left one (see `shift_strike`)."""
    key = KEYS[label]
    if key == SHIFT:
        return shift_strike("right")
    if key in _SPECIAL:
        return _SPECIAL[key]
    key = unshifted(label)
    row, column = next((row, offset + keys.index(key)) for row, offset, keys in _ROWS if key in keys)
    hand, finger, home, _ = next(f for f in _FINGERS if key in f[3])
    return Strike(hand, finger, row, column - home if hand == "right" else home - column)


def shift_strike(hand: str) -> Strike:
    """The ⇧ that goes with a key struck by `hand`: the other hand's little finger."""
    return Strike("left", 4, -1, 1.25) if hand == "right" else Strike("right", 4, -1, 1.5)


def strike_with(label: int, hand: str, finger: int) -> Strike:
    """How a key is struck by another finger than the textbook's; thumbs strike the space bar alone."""
    usual = strike(label)
    if finger == 0 or usual.finger == 0:
        return Strike(hand, finger, usual.row, usual.reach)
    home = _HOME[usual.hand, usual.finger]
    column = home + (usual.reach if usual.hand == "right" else -usual.reach)
    away = column - _HOME[hand, finger]
    return Strike(hand, finger, usual.row, away if hand == "right" else -away)


TEXTBOOK = tuple(strike(label) for label in range(len(KEYS)))
"""The strike of each label in touch typing as taught."""


def neighbours(label: int) -> tuple[int, ...]:
    """Labels of the unshifted keys beside a key: where a finger lands that misses."""
    key = KEYS[label]
    if key not in PLACES:
        return ()
    row, column = PLACES[key]
    return tuple(LABELS[k] for k, (r, c) in PLACES.items() if k != key and abs(r - row) <= 1 and abs(c - column) <= 1.0)
