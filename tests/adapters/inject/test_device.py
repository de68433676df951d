from collections.abc import Sequence

import pytest

from adapters.inject._device import KeyPresser

SHIFT = 1


class FakeDevice:
    """Keeps the events that it was sent, and fails at the press number `fails`, after it has got that press."""

    def __init__(self, fails: int = -1) -> None:
        self.fails = fails
        self.presses = 0
        self.events: list[tuple[int, bool]] = []
        self.closed = False

    def find(self, character: str) -> tuple[int, ...] | None:
        if character == "~":
            return None
        return (SHIFT, ord(character.lower())) if character.isupper() else (ord(character),)

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        assert not self.closed
        for code, down in events:
            self.events.append((code, down))
            if down and self.presses == self.fails:
                self.fails = -1
                raise OSError("the device has gone")
            self.presses += down

    def lag(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def held(self) -> set[int]:
        return {code for code, down in self.events if down} - {code for code, down in self.events if not down}


def test_a_press_travels_with_its_release_and_modifiers_are_outermost() -> None:
    device = FakeDevice()
    presser = KeyPresser(device)
    assert presser.tap("A")
    assert device.events == [(SHIFT, True), (ord("a"), True), (ord("a"), False), (SHIFT, False)]
    presser.close()
    assert len(device.events) == 4
    assert device.closed


def test_a_character_without_a_key_presses_nothing() -> None:
    device = FakeDevice()
    assert not KeyPresser(device).tap("~")
    assert device.events == []


@pytest.mark.parametrize("fails", [0, 1])
def test_a_failed_press_is_released_too(fails: int) -> None:
    device = FakeDevice(fails)
    presser = KeyPresser(device)
    with pytest.raises(OSError, match="gone"):
        presser.tap("A")
    assert device.held() == set()
    presser.close()
    assert device.closed
