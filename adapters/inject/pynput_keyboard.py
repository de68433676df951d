"""The keyboard and the global hotkey of macOS and Windows, by pynput."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.files.closing import Closing
from messages.errors import InputError


class PynputKeyboard:
    """A KeyDevice that leaves the layout to pynput: a key's code is its character's.

    Args:
        controller: A pynput.keyboard.Controller.
        named: Its keys for characters that name one (backspace, line feed).
    """

    def __init__(self, controller: Any, named: dict[str, Any]) -> None:
        self._controller = controller
        self._named = named

    def find(self, character: str) -> tuple[int, ...] | None:
        """The character's own code; control characters have no key."""
        return (ord(character),) if character in self._named or character.isprintable() else None

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        """One after the other."""
        for code, down in events:
            key = self._named.get(chr(code), chr(code))
            (self._controller.press if down else self._controller.release)(key)

    def settle(self) -> None:
        """These systems do not tell when keys are read."""

    def close(self) -> None:
        """Nothing is held."""


def open_pynput() -> PynputKeyboard:
    """The keyboard of this desktop."""
    from pynput import keyboard  # noqa: PLC0415  # looks for a display when it is imported

    return PynputKeyboard(keyboard.Controller(), {"\b": keyboard.Key.backspace, "\n": keyboard.Key.enter})


class PynputHotkey(Closing):
    """Calls back, from a thread of its own, when a combination of keys is pressed anywhere. Use it in a `with`.

    Args:
        keys: As pynput writes it: "<ctrl>+<alt>+k".
        pressed: Called back.

    Raises:
        InputError: No such combination.
    """

    def __init__(self, keys: str, pressed: Callable[[], None]) -> None:
        from pynput import keyboard  # noqa: PLC0415  # looks for a display when it is imported

        try:
            self._listener = keyboard.GlobalHotKeys({keys: pressed})
        except ValueError:
            raise InputError(f"hotkey = {keys!r} in [inject]: expected keys as '<ctrl>+<alt>+k', or nothing") from None
        self._listener.start()
        self._listener.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.stop()
