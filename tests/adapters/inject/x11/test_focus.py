"""The focus of a real X server (Xvfb)."""

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.inject._device import KeyPresser
from adapters.inject.x11.focus import X11Focus
from adapters.inject.x11.keyboard import X11Keyboard
from benchmarks.screen import Screen, Terminal


def test_the_focused_window_is_the_outermost_one_with_its_names(screen: Screen) -> None:
    focus = X11Focus()
    # Without a window manager keys go to the window under the pointer.
    assert focus.window() is None
    one, two = Terminal(screen, screen.folder, "one"), Terminal(screen, screen.folder, "two")
    second = focus.window()
    assert second is not None
    assert set(second.names) == {"two"}
    assert second.forbidden(("nothing", "TW*")) == "two"
    assert second.forbidden(("tw",)) is None
    one.focus()
    assert focus.window() not in (None, second)
    two.focus()
    assert focus.window() == second
    focus.close()


def test_a_held_modifier_and_caps_lock_are_hindrances(screen: Screen) -> None:
    focus, keyboard = X11Focus(), X11Keyboard()
    (shift, _) = keyboard.find("A") or ()
    assert focus.hindrance() is None
    keyboard.send([(shift, True)])
    keyboard.lag()
    assert focus.hindrance() == "a modifier key is held"
    # Code 66 is Caps Lock on every pc keyboard.
    keyboard.send([(shift, False), (66, True), (66, False)])
    keyboard.lag()
    assert focus.hindrance() == "Caps Lock is on"
    keyboard.close()
    focus.close()


def test_keys_and_clicks_of_others_are_noticed_and_ours_are_not(screen: Screen) -> None:
    keyboard, other = X11Keyboard(), X11Keyboard()
    focus = X11Focus(lambda: keyboard.pressed)
    for character in "aB":
        KeyPresser(keyboard).tap(character)
        keyboard.lag()
        assert not focus.foreign_input()
    KeyPresser(other).tap("a")
    other.lag()
    assert focus.foreign_input()
    assert not focus.foreign_input()
    # Button 4 is the wheel.
    screen.run("xdotool", "click", "4").process.wait()
    assert not focus.foreign_input()
    screen.run("xdotool", "click", "1").process.wait()
    assert focus.foreign_input()
    for each in (keyboard, other, focus):
        each.close()
