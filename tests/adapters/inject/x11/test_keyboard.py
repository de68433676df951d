"""Keys on a real X server (Xvfb) into a real window (xterm)."""

import string

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.inject._device import Hands
from adapters.inject.x11.focus import X11Focus
from adapters.inject.x11.keyboard import X11Keyboard
from adapters.inject.x11.layout import Layout, keysym, spare_pair
from benchmarks.screen import Screen, Terminal
from messages.errors import InputError

ALL = string.ascii_letters + string.digits + string.punctuation + " é€"


def type_at_once(text: str) -> None:
    """As fast as the server takes it."""
    hands = Hands(X11Keyboard())
    try:
        assert all(hands.tap(character) for character in text)
    finally:
        hands.close()


def test_every_character_arrives_once_in_order(screen: Screen) -> None:
    assert len([c for c in ALL if c in string.punctuation]) == 32
    terminal = screen.terminal()
    text = 3 * ALL + "aabbccAAaaéé€€" + ALL[::-1]
    type_at_once(text)
    assert terminal.wait_for(text) == text
    assert screen.held() == []


@pytest.mark.parametrize("layout", ["de", "fr", "gr", "us,de"])
def test_every_character_arrives_whatever_the_layout(screen: Screen, layout: str) -> None:
    screen.run("setxkbmap", layout).process.wait()
    terminal = screen.terminal()
    text = "".join(c for c in ALL if layout != "gr" or c not in string.ascii_letters[6:]) + "zyZY@|{}[]^`~\\"
    type_at_once(text)
    assert terminal.wait_for(text) == text


def test_a_layout_that_is_changed_while_we_type_is_followed(screen: Screen) -> None:
    terminal = screen.terminal()
    hands = Hands(X11Keyboard())
    text = "yz;"
    for layout in ("de", "us", "fr"):
        terminal_text = terminal.text() + text
        screen.run("setxkbmap", layout).process.wait()
        for character in text:
            hands.tap(character)
        assert terminal.wait_for(terminal_text) == terminal_text
    hands.close()


def test_more_foreign_characters_than_spare_keys_arrive(screen: Screen) -> None:
    terminal = screen.terminal()
    greek = "αβγδεζηθικλμνξοπρστυφχψω"
    keyboard = X11Keyboard()
    spare = len(keyboard._spare)
    text = greek[: spare + 2]
    hands = Hands(keyboard)
    assert all(hands.tap(character) for character in text + text[0])
    assert terminal.wait_for(text + text[0]) == text + text[0]
    hands.close()
    again = X11Keyboard()
    assert len(again._spare) == spare  # all given back
    again.close()


def test_a_fresh_keyboard_releases_what_another_left_held(screen: Screen) -> None:
    left = X11Keyboard()
    (shift, key) = left.find("A") or ()
    left.send([(shift, True), (key, True)])
    left.settle()
    left.close()
    assert screen.held() == sorted([shift, key])
    fresh = X11Keyboard(clean=True)
    fresh.settle()
    fresh.close()
    assert screen.held() == []


def test_the_focus_is_found_by_its_outermost_window_and_names(screen: Screen) -> None:
    focus = X11Focus()
    assert focus.place() is None  # no window manager: keys go to the window under the pointer
    one, two = Terminal(screen, screen.folder, "one"), Terminal(screen, screen.folder, "two")
    second = focus.place()
    assert second is not None
    assert set(second.names) == {"two"}
    assert second.forbidden(("nothing", "TW*")) == "two"
    assert second.forbidden(("tw",)) is None
    one.focus()
    assert focus.place() not in (None, second)
    two.focus()
    assert focus.place() == second
    focus.close()


def test_a_held_modifier_and_caps_lock_hinder(screen: Screen) -> None:
    focus, keyboard = X11Focus(), X11Keyboard()
    (shift, _) = keyboard.find("A") or ()
    assert focus.hindrance() is None
    keyboard.send([(shift, True)])
    keyboard.settle()
    assert focus.hindrance() == "a modifier key is held"
    keyboard.send([(shift, False), (66, True), (66, False)])  # 66: Caps Lock on every pc keyboard
    keyboard.settle()
    assert focus.hindrance() == "Caps Lock is on"
    keyboard.close()
    focus.close()


def test_without_a_display_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "")
    with pytest.raises(InputError, match="no X display to type at"):
        X11Keyboard()


def test_symbols_follow_the_protocol() -> None:
    assert [keysym(c) for c in "aé€α\b\n"] == [0x61, 0xE9, 0x20AC, 0x010003B1, 0xFF08, 0xFF0D]
    assert spare_pair("É") == (0xE9, 0xC9)
    assert spare_pair("€") == (0x20AC, 0x20AC)
    assert spare_pair("ß") == (0xDF, 0xDF)  # its upper case is two letters


def test_levels_of_one_group_and_groups_of_two() -> None:
    shift, level3 = (0xFFE1,) * 4, (0xFE03,) * 4
    q = (0x71, 0x51)
    one = Layout(10, [shift, level3, (*q, *q, 0x40, 0x7D9), (0,) * 6])
    assert one.strokes(0) == {
        **{0xFFE1: (10,), 0xFE03: (11,), 0x71: (12,), 0x51: (10, 12)},
        **{0x40: (11, 12), 0x7D9: (10, 11, 12)},
    }
    assert one.spare() == [13]
    two = Layout(10, [shift, level3, (*q, 0x6CA, 0x6EA, 0x40, 0x7D9)])
    assert two.strokes(0)[0x51] == two.strokes(1)[0x6EA] == (10, 12)
    assert two.strokes(1)[0x6CA] == two.strokes(0)[0x71] == (12,)
    assert 0x40 not in two.strokes(0)


def test_others_keys_and_clicks_are_told_from_ours(screen: Screen) -> None:
    keyboard, other = X11Keyboard(), X11Keyboard()
    focus = X11Focus(lambda: keyboard.pressed)
    for character in "aB":
        Hands(keyboard).tap(character)
        keyboard.settle()
        assert not focus.foreign()
    Hands(other).tap("a")
    other.settle()
    assert focus.foreign()
    assert not focus.foreign()
    screen.run("xdotool", "click", "4").process.wait()  # the wheel
    assert not focus.foreign()
    screen.run("xdotool", "click", "1").process.wait()
    assert focus.foreign()
    for each in (keyboard, other, focus):
        each.close()
