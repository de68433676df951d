"""A keyboard on X11: the XTEST extension, by python-xlib.

Not by pynput, which sends X11 windows synthetic events (XSendEvent): xterm and others ignore them, and some get lost
(moses-palmer/pynput#437, dictation-toolbox/dragonfly#79). XTEST events are those of a keyboard.

- A key's press and release, with its modifiers, go to the server in one write. So at no moment could this process
  die and leave a key held, nothing can come between Shift and its key, and the server never repeats a key.
- A character that the layout lacks gets a key code without a meaning for itself, which keeps it as long as the others
  last. Windows look a code up when they read the event, so one that changes its meaning while events are on their way
  gives wrong letters: that is how others' letters are lost and doubled.
"""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Sequence

from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import xtest

from adapters.inject.x11.layout import Layout, keysym, spare_pair
from adapters.inject.x11.ping import WindowPing
from messages.errors import InputError

_LEARN = 0.05  # seconds that windows get to hear of a new key before it is pressed
_FORGET = 0.5  # seconds that windows get to read the last events of a key before it means something else


def open_display() -> Display:
    """A connection to the X server that $DISPLAY names.

    Raises:
        InputError: There is none, or it cannot press keys.
    """
    try:
        display = Display()
    except (error.DisplayError, error.XauthError, OSError) as reason:
        raise InputError(
            f"no X display to type at ({reason}): start this inside a desktop session, where $DISPLAY is set, or set "
            'backend = "uinput" in [inject]'
        ) from None
    if not display.has_extension("XTEST"):
        raise InputError("the X server lacks the XTEST extension, which presses keys: enable it, or use another one")
    return display


class X11Keyboard:
    """A KeyDevice of the X server.

    Args:
        clean: First release all keys that are down: what another process may have left. A key that somebody holds on a
            keyboard of theirs stays down, since the server keeps count by device.
    """

    def __init__(self, *, clean: bool = False) -> None:
        self._display = open_display()
        self._ping = WindowPing(self._display)
        self._spare: list[int] = []
        self.pressed = 0
        """Keys that were pressed so far, modifiers too."""
        self._borrowed: OrderedDict[tuple[int, int], int] = OrderedDict()
        if clean:
            self.send([(code, False) for code in keys_down(self._display)])
        self._read()

    def _read(self) -> None:
        first = self._display.display.info.min_keycode
        count = self._display.display.info.max_keycode - first + 1
        self._layout = Layout(first, [tuple(row) for row in self._display.get_keyboard_mapping(first, count)])
        self._strokes = {group: self._layout.strokes(group) for group in range(4)}
        self._spare = [code for code in self._layout.spare() if code not in self._borrowed.values()]

    def find(self, character: str) -> tuple[int, ...] | None:
        """The keys of a character in the layout that is chosen now; one that it lacks gets a spare key."""
        if self._ping.layout_changed():
            self._read()
        mask = self._display.screen().root.query_pointer().mask
        symbol, group = keysym(character), mask >> 13 & 3
        if (codes := self._strokes[group].get(symbol)) is not None:
            return codes
        if not character.isprintable():
            return None
        self._borrow(spare_pair(character))
        return self._strokes[group].get(symbol)

    def _borrow(self, pair: tuple[int, int]) -> None:
        if self._spare:
            code = self._spare.pop(0)
        elif self._borrowed:
            _, code = self._borrowed.popitem(last=False)
            time.sleep(_FORGET)
        else:
            return
        self._borrowed[pair] = code
        self._mean(code, pair)
        self._read()
        time.sleep(_LEARN)

    def _mean(self, code: int, pair: tuple[int, int]) -> None:
        width = len(self._layout.symbols[0])
        self._display.change_keyboard_mapping(code, [(pair * width)[: max(2, width // 2 * 2)]])
        self._display.sync()
        self._ping.layout_changed()  # our own change

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        """In one write."""
        for code, down in events:
            xtest.fake_input(self._display, X.KeyPress if down else X.KeyRelease, code)
            self.pressed += down
        self._display.flush()

    def settle(self) -> float:
        """How long the server took to answer, or the window if it answers pings and is the later of the two."""
        began = time.monotonic()
        self._display.sync()
        return max(time.monotonic() - began, self._ping.lag())

    def close(self) -> None:
        """Take the meaning of borrowed keys back, once windows have had time to read their last events."""
        with contextlib.suppress(error.ConnectionClosedError):
            if self._borrowed:
                time.sleep(_FORGET)
                for code in self._borrowed.values():
                    self._mean(code, (0, 0))
            self._display.sync()
            self._display.close()


def keys_down(display: Display) -> list[int]:
    """Codes of all keys that are held down."""
    bits = display.query_keymap()
    return [8 * byte + bit for byte, value in enumerate(bits) for bit in range(8) if value >> bit & 1]
