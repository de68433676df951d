"""Which keyboard there is to press keys on, here."""

import os
import sys
from collections.abc import Callable, Mapping

from adapters.files.closing import Closing
from adapters.inject._device import KeyDevice
from adapters.inject.focus import Focus
from adapters.inject.settings import BackendName, KeySettings
from messages.errors import InputError


def choose(name: BackendName, platform: str, environment: Mapping[str, str]) -> BackendName:
    """The backend that is meant: on Linux X11 unless the session is a Wayland one, elsewhere pynput.

    Raises:
        InputError: There is no display, or not what was asked for.
    """
    linux = platform.startswith("linux")
    if name in ("x11", "uinput") and not linux:
        raise InputError(f"backend = {name!r} in [inject] is for Linux: set it to 'auto' or 'pynput' here")
    if name == "pynput" and linux:
        raise InputError("backend = 'pynput' in [inject] is for macOS and Windows: set it to 'auto', 'x11' or 'uinput'")
    if name != "auto":
        return name
    if not linux:
        return "pynput"
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        return "uinput"
    if not environment.get("DISPLAY"):
        raise InputError(
            "no display to type at ($DISPLAY and $WAYLAND_DISPLAY are empty): start this inside a desktop session, or "
            "set backend = 'uinput' in [inject] to type at the console"
        )
    return "x11"


def open_keyboard(settings: KeySettings, *, clean: bool = False) -> tuple[KeyDevice, Focus | None]:
    """A keyboard, and who has the focus where that can be known.

    Args:
        settings: Of [inject].
        clean: Release what a process that died may have left held.

    Raises:
        InputError: There is none, or a setting is not for it.
    """
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
    """Whether this says that the keyboard, or the session that it was in, is no more."""
    return isinstance(error, OSError) or type(error).__name__ == "ConnectionClosedError"  # Xlib's, not loaded elsewhere


def open_hotkey(settings: KeySettings, pressed: Callable[[], None]) -> Closing | None:
    """What calls back when the hotkey is pressed; None: there is to be none.

    Raises:
        InputError: It is not one, is taken, or cannot be heard here.
    """
    if not settings.hotkey:
        return None
    backend = choose(settings.backend, sys.platform, os.environ)
    if backend == "uinput":
        raise InputError(
            f"hotkey = {settings.hotkey!r} in [inject] cannot be heard on Wayland and the console: set it to '' and use "
            "`emgtype arm`, `emgtype disarm` and `emgtype control pause`, bound to keys of your desktop"
        )
    if backend == "pynput":
        from adapters.inject.pynput_keyboard import PynputHotkey  # noqa: PLC0415

        return PynputHotkey(settings.hotkey, pressed)
    from adapters.inject.x11.hotkey import X11Hotkey  # noqa: PLC0415

    return X11Hotkey(settings.hotkey, pressed)
