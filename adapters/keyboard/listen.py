"""Key presses of a keyboard in front of the wearer, for the truth of a recording, on the clock of the samples.

On X11 the server itself reports them, whichever window has the focus; on macOS and Windows pynput does, and macOS must
allow the terminal to listen. Wayland lets no program listen.
"""

import os
import sys
from collections.abc import Callable, Hashable
from typing import Any

from adapters.files.closing import Closing
from adapters.keyboard.keystrokes import SHIFT, KeyLog
from messages.errors import InputError

# The character set has a single ⇧, for both hands.
_SHIFTS = {"Key.shift_l": SHIFT, "Key.shift_r": SHIFT}


def listen(log: KeyLog, clock: Callable[[], float]) -> Closing:
    """Record every key of this desktop in a log until the returned object is closed.

    Args:
        log: Called in a thread of its own.
        clock: Seconds, on the clock of the samples.

    Raises:
        InputError: There is no keyboard that a program can listen to.
    """
    if not sys.platform.startswith("linux"):
        return PynputListener(log, clock)
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise InputError(
            "Wayland lets no program listen to the keyboard: record in a session on X11, or leave --keys out"
        )
    # Imported here, since python-xlib is optional.
    from adapters.keyboard._listen_x11 import X11Listener  # noqa: PLC0415

    return X11Listener(log, clock)


class PynputListener(Closing):
    """Listens on macOS and Windows. Use it in a `with`.

    A key is stamped when its event reaches this process: pynput's thread waits for nothing else.

    Args:
        log: Records every key.
        clock: Seconds, on the clock of the samples.
    """

    def __init__(self, log: KeyLog, clock: Callable[[], float]) -> None:
        # Imported here, since pynput looks for a display when it is imported.
        from pynput import keyboard  # noqa: PLC0415

        def press(key: Any) -> None:
            time = clock()
            if (code_name := code_and_name(key)) is not None:
                log.press(*code_name, time)

        def release(key: Any) -> None:
            time = clock()
            if (code_name := code_and_name(key)) is not None:
                log.release(code_name[0], time)

        self._listener = keyboard.Listener(on_press=press, on_release=release)
        self._listener.start()
        self._listener.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.stop()
        self._listener.join()


def code_and_name(key: Any) -> tuple[Hashable, str] | None:
    """Return the code of a key of pynput's and its name in a session file; None: the key has no name."""
    if key is None:
        return None
    if (character := getattr(key, "char", None)) is not None:
        return key.vk or character, str(character)
    name = str(key)
    return (name, _SHIFTS.get(name, name)) if name.startswith("Key.") else None
