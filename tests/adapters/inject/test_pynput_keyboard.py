"""The keyboard of macOS and Windows, against a controller that checks its caller; and what is chosen where."""

import pytest

from adapters.inject._device import Hands
from adapters.inject.backends import choose
from adapters.inject.pynput_keyboard import PynputKeyboard
from adapters.inject.settings import BackendName
from messages.errors import InputError


class FakeController:
    """pynput's, as far as it is used; types what is pressed."""

    def __init__(self) -> None:
        self.typed: list[object] = []
        self.held: set[object] = set()

    def press(self, key: object) -> None:
        assert key not in self.held
        self.held.add(key)
        self.typed.append(key)

    def release(self, key: object) -> None:
        self.held.remove(key)


def test_characters_go_as_themselves_and_named_keys_by_name() -> None:
    controller = FakeController()
    keyboard = PynputKeyboard(controller, {"\b": "Key.backspace", "\n": "Key.enter"})
    hands = Hands(keyboard)
    assert all(hands.tap(character) for character in "aA€\b\n")
    assert not hands.tap("\t")
    assert controller.typed == ["a", "A", "€", "Key.backspace", "Key.enter"]
    assert not controller.held
    assert keyboard.settle() is None  # type: ignore[func-returns-value]  # as the seam has it: nobody knows
    hands.close()


@pytest.mark.parametrize(
    ("name", "platform", "environment", "chosen"),
    [
        ("auto", "linux", {"DISPLAY": ":0"}, "x11"),
        ("auto", "linux", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "uinput"),
        ("auto", "linux", {"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, "uinput"),
        ("x11", "linux", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "x11"),
        ("uinput", "linux", {}, "uinput"),
        ("auto", "darwin", {}, "pynput"),
        ("pynput", "win32", {}, "pynput"),
    ],
)
def test_the_backend_follows_the_session(
    name: BackendName, platform: str, environment: dict[str, str], chosen: BackendName
) -> None:
    assert choose(name, platform, environment) == chosen


@pytest.mark.parametrize(
    ("name", "platform", "why"),
    [
        ("auto", "linux", "no display to type at"),
        ("x11", "darwin", "is for Linux"),
        ("pynput", "linux", "is for macOS and Windows"),
    ],
)
def test_a_backend_that_is_not_for_this_system_is_refused(name: BackendName, platform: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        choose(name, platform, {})
