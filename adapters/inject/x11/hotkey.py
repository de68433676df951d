"""A global hotkey on X11: a key that the server gives to us alone (XGrabKey), so the focused window does not hear it.

pynput's hotkeys listen beside everybody else: the window would get the key, too.
"""

import os
import select
import threading
from collections.abc import Callable
from itertools import product

from Xlib import XK, X
from Xlib.error import CatchError

from adapters.files.closing import Closing
from adapters.inject.x11.keyboard import open_display
from messages.errors import InputError

_MODIFIERS = {"<ctrl>": X.ControlMask, "<alt>": X.Mod1Mask, "<shift>": X.ShiftMask, "<cmd>": X.Mod4Mask}
_LOCKS = (X.LockMask, X.Mod2Mask)  # Caps Lock and Num Lock: on or off, the hotkey is the same


def parse(keys: str) -> tuple[int, int]:
    """Modifier mask and key symbol of a combination as pynput writes it: "<ctrl>+<alt>+k", "<pause>".

    Raises:
        InputError: It is none.
    """
    *modifiers, key = keys.split("+")
    name = key[1:-1] if key[:1] + key[-1:] == "<>" else key
    symbol = next((found for each in (name, name.capitalize()) if (found := XK.string_to_keysym(each))), 0)
    if not symbol or not set(modifiers) <= set(_MODIFIERS):
        raise InputError(
            f"hotkey = {keys!r} in [inject]: expected {', '.join(_MODIFIERS)}, and a key, as '<ctrl>+<alt>+k' or "
            "'<pause>'; or nothing"
        )
    return sum(_MODIFIERS[each] for each in set(modifiers)), symbol


class X11Hotkey(Closing):
    """Calls back, from a thread of its own, when a combination of keys is pressed anywhere. Use it in a `with`.

    Args:
        keys: See `parse`.
        pressed: Called back.

    Raises:
        InputError: No such combination, or one that another program has.
    """

    def __init__(self, keys: str, pressed: Callable[[], None]) -> None:
        mask, symbol = parse(keys)
        self._display = open_display()
        self._pressed = pressed
        code, taken = self._display.keysym_to_keycode(symbol), CatchError()
        if code:
            root = self._display.screen().root
            for locks in product(*((0, lock) for lock in _LOCKS)):
                root.grab_key(code, mask | sum(locks), False, X.GrabModeAsync, X.GrabModeAsync, onerror=taken)
            self._display.sync()
        if not code or taken.get_error():
            self._display.close()
            why = "another program has it" if code else "no key of this keyboard is that"
            raise InputError(f"hotkey = {keys!r} in [inject]: {why}; choose another")
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while self._reader not in select.select([self._display.fileno(), self._reader], [], [])[0]:
            for _ in range(self._display.pending_events()):
                if self._display.next_event().type == X.KeyPress:
                    self._pressed()

    def close(self) -> None:
        """Give the key back."""
        os.write(self._writer, b".")
        self._thread.join()
        os.close(self._reader)
        os.close(self._writer)
        self._display.close()
