"""The keyboard and the global hotkey of macOS and Windows, by pynput."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.files.closing import Closing
from adapters.inject.settings import SECTION
from messages.errors import InputError


class PynputKeyboard:
    """A KeyDevice that leaves the layout to pynput: the code of a key is the code point of its character.

    Args:
        controller: A pynput.keyboard.Controller.
        named: Its keys for the characters that stand for a named key (backspace, line feed).
    """

    def __init__(self, controller: Any, named: dict[str, Any]) -> None:
        self._controller = controller
        self._named = named

    def find(self, character: str) -> tuple[int, ...] | None:
        """Return the code point of the character; None: a control character, which has no key."""
        return (ord(character),) if character in self._named or character.isprintable() else None

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        """Press and release the keys one at a time, since pynput has no call for several."""
        for code, down in events:
            key = self._named.get(chr(code), chr(code))
            (self._controller.press if down else self._controller.release)(key)

    def lag(self) -> None:
        """Return None: these systems do not tell when keys are read."""

    def close(self) -> None:
        """Do nothing: no key is held and no connection is open."""


def open_pynput() -> PynputKeyboard:
    """Return the keyboard of this desktop."""
    # Imported here, since pynput looks for a display when it is imported.
    from pynput import keyboard  # noqa: PLC0415

    return PynputKeyboard(keyboard.Controller(), {"\b": keyboard.Key.backspace, "\n": keyboard.Key.enter})


class PynputHotkey(Closing):
    """Calls back, from a thread of its own, when a combination of keys is pressed anywhere. Use it in a `with`.

    Args:
        keys: The combination as pynput writes it: "<ctrl>+<alt>+k".
        pressed: Function to call.

    Raises:
        InputError: The combination cannot be read.
    """

    def __init__(self, keys: str, pressed: Callable[[], None]) -> None:
        # Imported here, since pynput looks for a display when it is imported.
        from pynput import keyboard  # noqa: PLC0415

        try:
            self._listener = keyboard.GlobalHotKeys({keys: pressed})
        except ValueError:
            raise InputError(f"hotkey = {keys!r} in {SECTION}: expected keys as '<ctrl>+<alt>+k', or nothing") from None
        self._listener.start()
        self._listener.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.stop()
