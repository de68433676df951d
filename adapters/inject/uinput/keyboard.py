"""A keyboard of the Linux kernel (uinput), for Wayland and the console: whoever has the focus there reads it."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from adapters.inject.uinput.layout import strokes
from messages.errors import InputError

EV_KEY = 1
"""Event type of keys (linux/input-event-codes.h)."""
SETTLE = 1.0
"""Seconds that a fresh device gets until the session has seen it: keys sent before are lost."""
GAP = 0.004
"""Seconds between a modifier and its key: input methods that ask for both in turn may take one before the other."""


class Device(Protocol):
    """evdev's UInput, as far as it is used."""

    def write(self, etype: int, code: int, value: int) -> None:
        """Add an event."""

    def syn(self) -> None:
        """Report what was added."""

    def close(self) -> None:
        """Remove the device; the kernel releases what it held."""


def create(codes: Sequence[int]) -> Device:
    """A device that has these keys.

    Raises:
        InputError: /dev/uinput is missing or closed to us.
    """
    from evdev import UInput, UInputError  # noqa: PLC0415  # Linux alone has it

    try:
        device: Device = UInput({EV_KEY: list(codes)}, name="emgtype keyboard")
    except (UInputError, OSError) as error:
        raise InputError(
            f"no keyboard can be made through /dev/uinput ({error}): load the kernel module uinput and give yourself "
            "access by a udev rule (docs/keys.md)"
        ) from None
    return device


class UinputKeyboard:
    """A KeyDevice of the kernel. If this process dies, the kernel removes the device and releases its keys.

    Args:
        layout: Of the session that reads the keys.
        make: Makes the device.
        sleep: Passes seconds.
    """

    def __init__(
        self,
        layout: str,
        make: Callable[[Sequence[int]], Device] = create,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self._strokes = strokes(layout)
        self._sleep = sleep
        self._device = make(sorted({code for codes in self._strokes.values() for code in codes}))
        sleep(SETTLE)

    def find(self, character: str) -> tuple[int, ...] | None:
        """The keys of a character; None: the layout lacks it."""
        return self._strokes.get(character)

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        """One report each, since a report has no order."""
        for number, (code, down) in enumerate(events):
            if number and len(events) > 2:
                self._sleep(GAP)
            self._device.write(EV_KEY, code, int(down))
            self._device.syn()

    def settle(self) -> None:
        """The kernel does not tell when keys are read."""

    def close(self) -> None:
        """Remove the device."""
        self._device.close()
