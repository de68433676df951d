from hypothesis import given
from hypothesis import strategies as st

from adapters.keyboard.keystrokes import SHIFT, KeyLog
from messages.typed import Keystroke

Move = tuple[str, int, str, float]


def logged(moves: list[Move]) -> list[Keystroke]:
    """The keystrokes that a log has noted in the end."""
    latest: dict[tuple[str, float], Keystroke] = {}
    log = KeyLog(lambda stroke: latest.update({(stroke.key, stroke.start): stroke}))
    for what, code, key, at in moves:
        if what == "down":
            log.press(code, key, at)
        else:
            log.release(code, at)
    assert log.count == len(latest)
    return sorted(latest.values(), key=lambda stroke: stroke.start)


def test_keys_that_overlap_as_in_fast_typing() -> None:
    moves = [("down", 1, "t", 1.0), ("down", 2, "h", 1.05), ("up", 1, "t", 1.08), ("up", 2, "h", 1.15)]
    assert logged(moves) == [Keystroke("t", 1.0, 1.08), Keystroke("h", 1.05, 1.15)]


def test_shift_that_goes_up_before_its_key() -> None:
    moves = [("down", 1, SHIFT, 1.0), ("down", 2, "!", 1.1), ("up", 1, SHIFT, 1.15), ("up", 2, "1", 1.2)]
    assert logged(moves) == [Keystroke(SHIFT, 1.0, 1.15), Keystroke("!", 1.1, 1.2)]


def test_a_key_that_repeats_was_pressed_once() -> None:
    both = [("up", 1, "a", 1.5), ("down", 1, "a", 1.5), ("up", 1, "a", 1.53), ("down", 1, "a", 1.5301)]
    down, up = ("down", 1, "a", 1.0), ("up", 1, "a", 1.6)
    assert logged([down, *both, up]) == [Keystroke("a", 1.0, 1.6)]
    assert logged([down, ("down", 1, "a", 1.5), up]) == [Keystroke("a", 1.0, 1.6)]
    assert len(logged([down, ("up", 1, "a", 1.08), ("down", 1, "a", 1.15), up])) == 2


def test_keys_held_at_the_start_or_the_end_of_the_recording() -> None:
    assert logged([("up", 1, "a", 1.0), ("down", 2, "b", 1.1)]) == [Keystroke("b", 1.1, 1.1)]


@given(st.lists(st.tuples(st.sampled_from(["down", "up"]), st.integers(1, 3))))
def test_any_sequence_makes_keystrokes_that_end_after_they_start(moves: list[tuple[str, int]]) -> None:
    strokes = logged([(what, code, "abc"[code - 1], 1 + 0.01 * number) for number, (what, code) in enumerate(moves)])
    assert all(stroke.start <= stroke.end for stroke in strokes)
    assert len(strokes) <= sum(what == "down" for what, _ in moves)
