"""Chooses the keyboard, the focus and the hotkey that this desktop session offers."""

import os
import sys
from collections.abc import Callable, Mapping

from adapters.files.closing import Closing
from adapters.inject._device import KeyDevice
from adapters.inject.focus import Focus
from adapters.inject.settings import SECTION, BackendName, InjectSettings
from messages.errors import InputError


def choose(name: BackendName, platform: str, environment: Mapping[str, str]) -> BackendName:
    """Return the backend that the setting means here.

    `auto` means X11 on Linux, uinput in a Wayland session, and pynput on macOS and Windows.

    Args:
        name: The setting.
        platform: sys.platform.
        environment: os.environ.

    Raises:
        InputError: There is no display, or the backend is for another system.
    """
    linux = platform.startswith("linux")
    if name in ("x11", "uinput") and not linux:
        raise InputError(f"backend = {name!r} in {SECTION} is for Linux: set it to 'auto' or 'pynput' here")
    if name == "pynput" and linux:
        raise InputError(
            f"backend = 'pynput' in {SECTION} is for macOS and Windows: set it to 'auto', 'x11' or 'uinput'"
        )
    if name != "auto":
        return name
    if not linux:
        return "pynput"
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        return "uinput"
    if not environment.get("DISPLAY"):
        raise InputError(
            "no display to type at ($DISPLAY and $WAYLAND_DISPLAY are empty): start this inside a desktop session, or "
            f"set backend = 'uinput' in {SECTION} to type at the console"
        )
    return "x11"


def open_keyboard(settings: InjectSettings, *, clean: bool = False) -> tuple[KeyDevice, Focus | None]:
    """Open a keyboard, and the focus where the system tells programs about it.

    Args:
        settings: The settings of virtual key presses.
        clean: Release the keys that a process that died may have left held.

    Raises:
        InputError: There is no keyboard, or a setting does not fit it.
    """
    # The backends are imported where they are used: their libraries are optional, and differ between systems.
    backend = choose(settings.backend, sys.platform, os.environ)
    if backend == "uinput":
        from adapters.inject.uinput.keyboard import UinputKeyboard  # noqa: PLC0415

        return UinputKeyboard(settings.layout), None
    if backend == "pynput":
        from adapters.inject.pynput_keyboard import open_pynput  # noqa: PLC0415

        return open_pynput(), None
    from adapters.inject.x11.focus import X11Focus  # noqa: PLC0415
    from adapters.inject.x11.keyboard import X11Keyboard  # noqa: PLC0415

    keyboard = X11Keyboard(clean=clean)
    return keyboard, X11Focus(lambda: keyboard.pressed)


def gone(error: Exception) -> bool:
    """Return whether this error means that the keyboard, or the desktop session, has ended."""
    # By its name: the error is Xlib's, which other backends do not load.
    return isinstance(error, OSError) or type(error).__name__ == "ConnectionClosedError"


def open_hotkey(settings: InjectSettings, pressed: Callable[[], None]) -> Closing | None:
    """Listen for the hotkey; None: the settings name no hotkey.

    Args:
        settings: The settings of virtual key presses.
        pressed: Function to call when the hotkey is pressed.

    Raises:
        InputError: The hotkey cannot be read, is taken by another program, or cannot be listened for here.
    """
    if not settings.hotkey:
        return None
    backend = choose(settings.backend, sys.platform, os.environ)
    if backend == "uinput":
        raise InputError(
            f"hotkey = {settings.hotkey!r} in {SECTION} does not work on Wayland and the console: set it to '' and use "
            "`emgtype arm`, `emgtype disarm` and `emgtype control pause`, bound to keys of your desktop"
        )
    if backend == "pynput":
        from adapters.inject.pynput_keyboard import PynputHotkey  # noqa: PLC0415

        return PynputHotkey(settings.hotkey, pressed)
    from adapters.inject.x11.hotkey import X11Hotkey  # noqa: PLC0415

    return X11Hotkey(settings.hotkey, pressed)
