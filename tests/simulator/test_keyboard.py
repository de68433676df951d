"""The keyboard: hands, fingers, rows and reaches of all 98 keys."""

import string

import pytest

from messages.charset import KEYS, LABELS
from simulator.keyboard import Strike, needs_shift, neighbours, shift_strike, strike

LEFT = "`12345qwertasdfgzxcvb"
UNSHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))
SHIFTED = string.ascii_uppercase + '~!@#$%^&*()_+{}|:"<>?'


@pytest.mark.parametrize("key", KEYS[: LABELS["⌫"]])
def test_the_hand_is_that_of_touch_typing(key: str) -> None:
    unshifted = UNSHIFTED.get(key, key.lower())
    assert strike(LABELS[key]).hand == ("left" if unshifted in LEFT else "right")
    assert strike(LABELS[key]) == strike(LABELS[unshifted])


@pytest.mark.parametrize(("key", "finger"), [*zip("asdfjkl;", (4, 3, 2, 1, 1, 2, 3, 4), strict=True)])
def test_fingers_rest_on_the_home_row(key: str, finger: int) -> None:
    assert strike(LABELS[key]) == Strike("left" if key in "asdf" else "right", finger, 0, 0.0)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("g", Strike("left", 1, 0, -1.0)),
        ("h", Strike("right", 1, 0, -1.0)),
        ("b", Strike("left", 1, -1, -1.5)),
        ("q", Strike("left", 4, 1, 0.25)),
        ("p", Strike("right", 4, 1, -0.25)),
        ("`", Strike("left", 4, 2, 1.75)),
        ("'", Strike("right", 4, 0, 1.0)),
    ],
)
def test_reach_is_negative_towards_the_thumb_on_both_hands(key: str, expected: Strike) -> None:
    assert strike(LABELS[key]) == expected


def test_the_thumb_strikes_space_and_the_right_little_finger_far_keys() -> None:
    assert (strike(LABELS[" "]).finger, strike(LABELS[" "]).row) == (0, -2)
    for key in "⌫⏎":
        far = strike(LABELS[key])
        assert (far.hand, far.finger) == ("right", 4)
        assert far.reach > 2


def test_capitals_and_upper_marks_need_shift_with_the_other_hand() -> None:
    assert {KEYS[label] for label in range(len(KEYS)) if needs_shift(label)} == set(SHIFTED)
    for key in SHIFTED:
        hand = strike(LABELS[key]).hand
        assert (shift_strike(hand).hand, shift_strike(hand).finger) == ("left" if hand == "right" else "right", 4)


def test_no_two_keys_have_the_same_place() -> None:
    unshifted = [label for label in range(len(KEYS)) if not needs_shift(label)]
    assert len({strike(label) for label in unshifted}) == len(unshifted)


def test_neighbours_are_mutual_and_adjacent() -> None:
    assert {KEYS[n] for n in neighbours(LABELS["s"])} == set("awedxz")
    assert neighbours(LABELS[" "]) == ()
    for label in range(26):
        assert all(label in neighbours(n) for n in neighbours(label))
