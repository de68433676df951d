"""Key presses of a keyboard in front of the wearer, for the truth of a recording, on the clock of the samples.

On X11 the server itself tells of them, whichever window has the focus; on macOS and Windows pynput does, and macOS
wants the terminal to be allowed to. Wayland lets no program listen.
"""

import os
import sys
from collections.abc import Callable, Hashable
from typing import Any

from adapters.files.closing import Closing
from adapters.keyboard.keystrokes import SHIFT, KeyLog
from messages.errors import InputError

_SHIFTS = {"Key.shift_l": SHIFT, "Key.shift_r": SHIFT}
"""The character set has one ⇧; which hand pressed it is not a matter of truth."""


def listen(log: KeyLog, clock: Callable[[], float]) -> Closing:
    """Have a log told of every key of this desktop until what is returned is closed.

    Args:
        log: Called in a thread of its own.
        clock: Seconds, of the samples' times.

    Raises:
        InputError: There is no keyboard that can be listened to.
    """
    if not sys.platform.startswith("linux"):
        return PynputListener(log, clock)
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise InputError("Wayland lets no program hear the keyboard: record in a session on X11, or leave --keys out")
    from adapters.keyboard._listen_x11 import X11Listener  # noqa: PLC0415 - needs python-xlib

    return X11Listener(log, clock)


class PynputListener(Closing):
    """Listens on macOS and Windows. Use it in a `with`.

    A key is stamped when its event reaches this process: pynput's thread waits for nothing else.

    Args:
        log: Told of every key.
        clock: Seconds, of the samples' times.
    """

    def __init__(self, log: KeyLog, clock: Callable[[], float]) -> None:
        from pynput import keyboard  # noqa: PLC0415  # looks for a display when it is imported

        def press(key: Any) -> None:
            time = clock()
            if (named := code_and_name(key)) is not None:
                log.press(*named, time)

        def release(key: Any) -> None:
            time = clock()
            if (named := code_and_name(key)) is not None:
                log.release(named[0], time)

        self._listener = keyboard.Listener(on_press=press, on_release=release)
        self._listener.start()
        self._listener.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.stop()
        self._listener.join()


def code_and_name(key: Any) -> tuple[Hashable, str] | None:
    """The number of a key of pynput's, and what a session file calls it; None for one without a name."""
    if key is None:
        return None
    if (character := getattr(key, "char", None)) is not None:
        return key.vk or character, str(character)
    name = str(key)
    return (name, _SHIFTS.get(name, name)) if name.startswith("Key.") else None
