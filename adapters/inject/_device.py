"""The seam to a keyboard that presses keys, and the class that holds keys down."""

from collections.abc import Sequence
from typing import Protocol

Code = int
"""A key by the number that its device gives it."""


class KeyDevice(Protocol):
    """A virtual keyboard."""

    def find(self, character: str) -> tuple[Code, ...] | None:
        """Return the keys that make a character together, modifiers first; None: this keyboard cannot make it."""

    def send(self, events: Sequence[tuple[Code, bool]]) -> None:
        """Press (True) and release (False) keys, in this order and with nothing between them."""

    def lag(self) -> float | None:
        """Return the seconds that the events sent last took to be read, or have waited so far; None: unknown.

        A device that can find out waits a little for the answer.
        """

    def close(self) -> None:
        """Give the keyboard back."""


class KeyPresser:
    """Presses keys so that none stays held: each press travels with its release, and a failed press is released, too.

    Args:
        device: The keyboard.
    """

    def __init__(self, device: KeyDevice) -> None:
        self._device = device
        self._held: list[Code] = []

    def tap(self, character: str) -> bool:
        """Type one character; return False if the keyboard cannot make it."""
        codes = self._device.find(character)
        if codes is None:
            return False
        self._held = list(codes)
        try:
            self._device.send([*((code, True) for code in codes), *((code, False) for code in reversed(codes))])
            self._held = []
        finally:
            self.release()
        return True

    def release(self) -> None:
        """Release the keys that a failed press may have left held."""
        if self._held:
            self._device.send([(code, False) for code in reversed(self._held)])
            self._held = []

    def close(self) -> None:
        """Release all keys and give the keyboard back."""
        try:
            self.release()
        finally:
            self._device.close()
