"""The keyboard of macOS and Windows, against a controller that checks its caller."""

from adapters.inject._device import KeyPresser
from adapters.inject.pynput_keyboard import PynputKeyboard


class FakeController:
    """The part of pynput's Controller that is used; keeps the pressed keys."""

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
    presser = KeyPresser(keyboard)
    assert all(presser.tap(character) for character in "aA€\b\n")
    assert not presser.tap("\t")
    assert controller.typed == ["a", "A", "€", "Key.backspace", "Key.enter"]
    assert not controller.held
    assert keyboard.lag() is None  # type: ignore[func-returns-value]
    presser.close()
