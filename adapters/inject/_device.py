"""The seam to what presses keys, and the one who holds them."""

from collections.abc import Sequence
from typing import Protocol

Code = int
"""A key as its device numbers it."""


class KeyDevice(Protocol):
    """A keyboard to press keys on."""

    def find(self, character: str) -> tuple[Code, ...] | None:
        """The keys that make a character together, modifiers first; None: this keyboard cannot make it."""

    def send(self, events: Sequence[tuple[Code, bool]]) -> None:
        """Press (True) and release (False) keys, in this order and with nothing between them."""

    def settle(self) -> float | None:
        """Seconds for which what was sent has waited, or waits, to be taken; None: nobody knows."""

    def close(self) -> None:
        """Give the keyboard back."""


class Hands:
    """Presses keys so that none stays held: each press travels with its release, and a failed one is released, too."""

    def __init__(self, device: KeyDevice) -> None:
        self._device = device
        self._held: list[Code] = []

    def tap(self, character: str) -> bool:
        """Type one character; False: the keyboard cannot make it."""
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
        """Let go of what a failed press may have left."""
        if self._held:
            self._device.send([(code, False) for code in reversed(self._held)])
            self._held = []

    def close(self) -> None:
        """Let go of everything and give the keyboard back."""
        try:
            self.release()
        finally:
            self._device.close()
