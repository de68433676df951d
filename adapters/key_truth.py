"""Key presses of a keyboard in front of the wearer, for the truth of a recording: pynput, on the clock of the samples.

A key is stamped when its event reaches this process, which is at once: pynput's thread waits for nothing else. On X11
it hears them from the server itself (the RECORD extension), whichever window has the focus. There is no such way on
Wayland, and on macOS the terminal must be allowed to see the keyboard.
"""

from collections.abc import Callable
from typing import Any

from adapters.closing import Closing
from decoder.errors import InputError
from decoder.truth import Keystroke

_REPEAT = 0.005
"""Seconds between a release and the next press of a key that is held: X11 tells a repetition as both, with one stamp;
fingers take ten times as long."""
_SHIFTS = {"Key.shift_l": "Key.shift", "Key.shift_r": "Key.shift"}
"""The character set has one ⇧; which hand pressed it is not a matter of truth."""


class KeyLog:
    """Presses and releases in, keystrokes out: each as soon as the key goes down, and again when its end is known.

    Args:
        note: Gets them.
    """

    def __init__(self, note: Callable[[Keystroke], None]) -> None:
        self._note = note
        self._held: dict[str, Keystroke] = {}
        self._released: Keystroke | None = None
        self.count = 0
        """Keys pressed."""

    def press(self, key: str, time: float) -> None:
        """A key goes down at `time` (s), or is said to again while it is held."""
        last = self._released
        if key in self._held:
            return
        if last and last.key == key and time - last.end < _REPEAT:
            self._held[key] = last  # it was not released at all
            return
        self._held[key] = Keystroke(key, time, time)
        self.count += 1
        self._note(self._held[key])

    def release(self, key: str, time: float) -> None:
        """A key goes up; one that went down as another character, since Shift was down or up then, is found as well."""
        held = key if key in self._held else self._otherwise(key)
        if held is not None:
            self._released = Keystroke(held, self._held.pop(held).start, time)
            self._note(self._released)

    def _otherwise(self, key: str) -> str | None:
        characters = [name for name in self._held if len(name) == 1]
        same = [name for name in characters if name.casefold() == key.casefold()]
        return next(iter(same or (characters if len(key) == 1 else [])), None)


class KeyListener(Closing):
    """Listens to the keyboard, whichever program is typed into. Use it in a `with`.

    Args:
        log: Gets every press and release, in a thread of pynput's.
        clock: Seconds, of the samples' times.

    Raises:
        InputError: There is no keyboard to listen to.
    """

    def __init__(self, log: KeyLog, clock: Callable[[], float]) -> None:
        try:
            from pynput import keyboard  # noqa: PLC0415  # looks for a display when it is imported
        except ImportError as error:
            if getattr(error, "name", None) == "pynput":
                raise
            raise InputError(
                f"no keyboard to listen to ({error}): start this inside a desktop session on X11, macOS or Windows, or "
                "leave --keys out"
            ) from None

        def press(key: Any) -> None:
            time = clock()
            if name := key_name(key):
                log.press(name, time)

        def release(key: Any) -> None:
            time = clock()
            if name := key_name(key):
                log.release(name, time)

        self._listener = keyboard.Listener(on_press=press, on_release=release)
        self._listener.start()
        self._listener.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.stop()
        self._listener.join()


def key_name(key: Any) -> str | None:
    """What a session file calls a key of pynput's: its character, or "Key.space"; None for one that has no name."""
    if key is None:
        return None
    if (character := getattr(key, "char", None)) is not None:
        return str(character)
    name = str(key)
    return _SHIFTS.get(name, name) if name.startswith("Key.") else None
