"""Global hotkeys of a real X server (Xvfb)."""

import threading

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from Xlib import XK, X

from adapters.inject.x11.hotkey import X11Hotkey, parse
from benchmarks.screen import Screen
from messages.errors import InputError


@pytest.mark.parametrize(
    ("keys", "mask", "symbol"),
    [
        ("<ctrl>+<alt>+k", X.ControlMask | X.Mod1Mask, XK.XK_k),
        ("<shift>+<cmd>+<f1>", X.ShiftMask | X.Mod4Mask, XK.XK_F1),
        ("<pause>", 0, XK.XK_Pause),
        ("k", 0, XK.XK_k),
    ],
)
def test_a_combination_is_read_as_pynput_writes_it(keys: str, mask: int, symbol: int) -> None:
    assert parse(keys) == (mask, symbol)


@pytest.mark.parametrize("keys", ["", "<ctrl>", "<control>+k", "<ctrl>+nothing", "k+<ctrl>"])
def test_other_texts_are_refused(keys: str) -> None:
    with pytest.raises(InputError, match="expected <ctrl>, <alt>"):
        parse(keys)


def test_the_hotkey_calls_back_whether_num_lock_is_on_or_off_and_only_while_it_is_open(screen: Screen) -> None:
    pressed = threading.Semaphore(0)
    with X11Hotkey("<ctrl>+<alt>+k", pressed.release):
        for _ in range(2):
            screen.run("xdotool", "key", "ctrl+alt+k").process.wait()
            assert pressed.acquire(timeout=10)
            screen.run("xdotool", "key", "Num_Lock").process.wait()
        screen.run("xdotool", "key", "ctrl+k").process.wait()
    screen.run("xdotool", "key", "ctrl+alt+k").process.wait()
    assert not pressed.acquire(timeout=0.2)
