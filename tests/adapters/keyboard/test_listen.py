"""Key presses for the truth of a recording, from a real X server and from pynput's events."""

import sys
import time
from collections.abc import Callable

import pytest
from Xlib import XK, X

from adapters.keyboard._listen_x11 import key_name
from adapters.keyboard.keystrokes import SHIFT, KeyLog
from adapters.keyboard.listen import code_and_name, listen
from benchmarks.screen import Screen, until
from messages.errors import InputError
from messages.typed import Keystroke

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


class PynputKey:
    """A key of pynput's: one with a character, or a named one."""

    def __init__(self, name: str, char: str | None = None, vk: int | None = None) -> None:
        self.name = name
        self.char, self.vk = char, vk

    def __str__(self) -> str:
        return self.name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (PynputKey("'a'", "a", 97), (97, "a")),
        (PynputKey("'a'", "a"), ("a", "a")),
        (PynputKey("Key.space"), ("Key.space", "Key.space")),
        (PynputKey("Key.shift_r"), ("Key.shift_r", SHIFT)),
        (PynputKey("<269025062>"), None),
        (None, None),
    ],
)
def test_the_name_of_a_key_of_pynput(key: PynputKey | None, expected: tuple[object, str] | None) -> None:
    assert code_and_name(key) == expected


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
        # Longer than a key takes to repeat.
        typed("keydown", "x", "sleep", "0.9", "keyup", "x")
        until(lambda: any(s.key == "x" and s.end > s.start + 0.85 for s in latest.values()), "the last key")
    strokes = sorted(latest.values(), key=lambda stroke: stroke.start)
    names = [stroke.key for stroke in strokes if stroke.key != SHIFT]
    assert names == ["a", "B", "!", "Key.enter", "Key.space", "Key.backspace", "x"]
    # For B and !, and the right Shift, for which xdotool sometimes holds the left one, too.
    assert [stroke.key for stroke in strokes].count(SHIFT) in (3, 4)
    assert all(began < stroke.start < stroke.end < time.monotonic() for stroke in strokes)
    assert strokes[-1].end - strokes[-1].start == pytest.approx(0.9, abs=0.3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is a keyboard")
def test_without_a_keyboard_to_listen_to_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no X display with a keyboard to listen to"):
        listen(KeyLog(lambda _stroke: None), time.monotonic)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(InputError, match="Wayland lets no program listen to the keyboard"):
        listen(KeyLog(lambda _stroke: None), time.monotonic)
