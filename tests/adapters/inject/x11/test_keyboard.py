"""Keys on a real X server (Xvfb) into a real window (xterm)."""

import string

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.inject._device import KeyPresser
from adapters.inject.x11.keyboard import X11Keyboard
from benchmarks.screen import Screen
from messages.errors import InputError

ALL = string.ascii_letters + string.digits + string.punctuation + " é€"


def type_at_once(text: str) -> None:
    """Type as fast as the server takes keys."""
    presser = KeyPresser(X11Keyboard())
    try:
        assert all(presser.tap(character) for character in text)
    finally:
        presser.close()


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


def test_a_change_of_the_layout_while_typing_is_followed(screen: Screen) -> None:
    terminal = screen.terminal()
    presser = KeyPresser(X11Keyboard())
    text = "yz;"
    for layout in ("de", "us", "fr"):
        terminal_text = terminal.text() + text
        screen.run("setxkbmap", layout).process.wait()
        for character in text:
            presser.tap(character)
        assert terminal.wait_for(terminal_text) == terminal_text
    presser.close()


def test_more_foreign_characters_than_spare_keys_arrive(screen: Screen) -> None:
    terminal = screen.terminal()
    greek = "αβγδεζηθικλμνξοπρστυφχψω"
    keyboard = X11Keyboard()
    spare = len(keyboard._spare)
    text = greek[: spare + 2]
    presser = KeyPresser(keyboard)
    assert all(presser.tap(character) for character in text + text[0])
    assert terminal.wait_for(text + text[0]) == text + text[0]
    presser.close()
    again = X11Keyboard()
    # All spare codes were given back.
    assert len(again._spare) == spare
    again.close()


def test_a_fresh_keyboard_can_release_the_keys_that_another_left_held(screen: Screen) -> None:
    other = X11Keyboard()
    (shift, key) = other.find("A") or ()
    other.send([(shift, True), (key, True)])
    other.lag()
    other.close()
    assert screen.held() == sorted([shift, key])
    fresh = X11Keyboard(clean=True)
    fresh.lag()
    fresh.close()
    assert screen.held() == []


def test_without_a_display_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "")
    with pytest.raises(InputError, match="no X display to type at"):
        X11Keyboard()
