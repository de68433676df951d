"""Key presses for the truth of a recording: what a log makes of them, and what is heard from a real X server."""

import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Xlib import XK, X

from adapters.keyboard._listen_x11 import key_name
from adapters.keyboard.keystrokes import SHIFT, KeyLog
from adapters.keyboard.listen import listen
from benchmarks.screen import Screen, until
from messages.errors import InputError
from messages.typed import Keystroke

Move = tuple[str, int, str, float]


def logged(moves: list[Move]) -> list[Keystroke]:
    """What a log holds in the end."""
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


A, EXCLAMATION, UMLAUT = [0x61, 0x41], [0x31, 0x21], [0x75, 0x55, 0, 0, 0xFC, 0xDC]
CYRILLIC = [0x66, 0x46, 0x0100_0430, 0x0100_0410]


@pytest.mark.parametrize(
    ("row", "state", "name"),
    [
        (A, 0, "a"),
        (A, X.ShiftMask, "A"),
        (A, X.LockMask, "A"),
        (A, X.LockMask | X.ShiftMask, "a"),
        (EXCLAMATION, X.ShiftMask, "!"),
        (EXCLAMATION, X.LockMask, "1"),
        (UMLAUT, X.Mod5Mask, "ü"),
        (UMLAUT, X.Mod5Mask | X.ShiftMask, "Ü"),
        (CYRILLIC, 0, "f"),
        (CYRILLIC, 1 << 13, "а"),
        (A, 1 << 13, "a"),
        ([XK.XK_KP_End, XK.XK_KP_1], X.Mod2Mask, "1"),
        ([XK.XK_KP_End, XK.XK_KP_1], 0, "Key.kp_end"),
        ([XK.XK_Shift_R], 0, SHIFT),
        ([XK.XK_space], 0, "Key.space"),
        ([XK.XK_Tab, 0xFE20], 0, "Key.tab"),
        ([0, 0], 0, None),
    ],
)
def test_the_name_of_a_key_with_its_modifiers(row: list[int], state: int, name: str | None) -> None:
    assert key_name(row, state) == name


@pytest.fixture
def typed(screen: Screen) -> Callable[..., None]:
    def run(*arguments: str) -> None:
        assert screen.run("xdotool", *arguments).process.wait(20) == 0

    return run


def test_keys_of_a_real_keyboard_are_recorded_in_any_window(screen: Screen, typed: Callable[..., None]) -> None:
    latest: dict[tuple[str, float], Keystroke] = {}
    log = KeyLog(lambda stroke: latest.update({(stroke.key, stroke.start): stroke}))
    began = time.monotonic()
    with listen(log, time.monotonic):
        screen.terminal()
        typed("type", "--delay", "40", "aB!")
        typed("key", "--delay", "60", "Return", "space", "BackSpace", "Shift_R")
        typed("keydown", "x", "sleep", "0.9", "keyup", "x")  # longer than a key takes to repeat
        until(lambda: any(s.key == "x" and s.end > s.start + 0.85 for s in latest.values()), "the last key")
    strokes = sorted(latest.values(), key=lambda stroke: stroke.start)
    names = [stroke.key for stroke in strokes if stroke.key != SHIFT]
    assert names == ["a", "B", "!", "Key.enter", "Key.space", "Key.backspace", "x"]
    # For B and !, and the right one, for which xdotool sometimes holds the left one, too.
    assert [stroke.key for stroke in strokes].count(SHIFT) in (3, 4)
    assert all(began < stroke.start < stroke.end < time.monotonic() for stroke in strokes)
    assert strokes[-1].end - strokes[-1].start == pytest.approx(0.9, abs=0.3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is a keyboard")
def test_without_a_keyboard_to_listen_to_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no X display whose keyboard could be heard"):
        listen(KeyLog(lambda _stroke: None), time.monotonic)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(InputError, match="Wayland lets no program hear the keyboard"):
        listen(KeyLog(lambda _stroke: None), time.monotonic)
