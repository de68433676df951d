"""A keyboard of the Linux kernel (uinput), for Wayland and the console: the program that has the focus reads it."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from adapters.inject.uinput.layout import strokes
from messages.errors import InputError

EV_KEY = 1
"""Event type of keys (linux/input-event-codes.h)."""
START_UP = 1.0
"""Seconds until the session has noticed a new device: keys that are sent before are lost."""
GAP = 0.004
"""Seconds between a modifier and its key: input methods that ask for both in turn may read them the wrong way round."""


class Device(Protocol):
    """The part of evdev's UInput that is used here."""

    def write(self, etype: int, code: int, value: int) -> None:
        """Add an event to the next report."""

    def syn(self) -> None:
        """Send the report."""

    def close(self) -> None:
        """Remove the device; the kernel releases its keys."""


def create(codes: Sequence[int]) -> Device:
    """Create a device that has these keys.

    Raises:
        InputError: /dev/uinput is missing, or we may not write to it.
    """
    # Imported here, since evdev exists on Linux alone.
    from evdev import UInput, UInputError  # noqa: PLC0415

    try:
        device: Device = UInput({EV_KEY: list(codes)}, name="emgtype keyboard")
    except (UInputError, OSError) as error:
        raise InputError(
            f"no keyboard can be made through /dev/uinput ({error}): load the kernel module uinput and give yourself "
            "access by a udev rule (docs/inject.md)"
        ) from None
    return device


class UinputKeyboard:
    """A KeyDevice of the kernel. If this process dies, the kernel removes the device and releases its keys.

    Args:
        layout: Keyboard layout of the session that reads the keys.
        make: Creates the device.
        sleep: Waits for some seconds.

    Raises:
        InputError: The layout is unknown, or the device cannot be created.
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
        sleep(START_UP)

    def find(self, character: str) -> tuple[int, ...] | None:
        """Return the keys of a character; None: the layout lacks it."""
        return self._strokes.get(character)

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        """Press and release keys in one report each, since the events of a report have no order."""
        for number, (code, down) in enumerate(events):
            if number and len(events) > 2:
                self._sleep(GAP)
            self._device.write(EV_KEY, code, int(down))
            self._device.syn()

    def lag(self) -> None:
        """Return None: the kernel does not tell when keys are read."""

    def close(self) -> None:
        """Remove the device."""
        self._device.close()
