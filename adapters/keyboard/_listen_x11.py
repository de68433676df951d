"""The keyboard's events from an X server (its RECORD extension), each with the time at which the server had it.

The server's clock is read once, by an event that is asked for, and the truth is as good as that answer was quick and as
the server's milliseconds are fine: how late an event reaches this process does not matter.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from Xlib import XK, X, Xatom, error
from Xlib.display import Display
from Xlib.ext import record
from Xlib.protocol import rq

from adapters.files.closing import Closing
from adapters.keyboard.keystrokes import SHIFT, KeyLog
from messages.errors import InputError

_READINGS = 5  # of the two clocks, of which the quickest counts
_WRAP = 2**32  # milliseconds: the server's clock begins anew
_NAMES = {
    XK.XK_BackSpace: "Key.backspace",
    XK.XK_Return: "Key.enter",
    XK.XK_KP_Enter: "Key.enter",
    XK.XK_space: "Key.space",
    XK.XK_Shift_L: SHIFT,
    XK.XK_Shift_R: SHIFT,
    0x20AC: "€",
}
_OTHERS = {symbol: name[3:] for name, symbol in vars(XK).items() if name.startswith("XK_")}
_KEYPAD = range(XK.XK_KP_Multiply, XK.XK_KP_9 + 1)


class X11Listener(Closing):
    """Listens to the keyboard of $DISPLAY, whichever program is typed into. Use it in a `with`.

    Args:
        log: Told of every key, in a thread of its own.
        clock: Seconds, of the samples' times.

    Raises:
        InputError: There is no X server, or it tells nobody.
    """

    def __init__(self, log: KeyLog, clock: Callable[[], float]) -> None:
        try:
            self._control, self._hearing = Display(), Display()
        except (error.DisplayError, error.XauthError, OSError) as reason:
            raise InputError(
                f"no X display whose keyboard could be heard ({reason}): start this inside a desktop session, or leave "
                "--keys out"
            ) from None
        if not self._hearing.has_extension("RECORD"):
            raise InputError("the X server lacks the RECORD extension: enable it, or leave --keys out")
        self._log = log
        self._zero, self._at_zero = _clocks(self._control, clock)
        display = self._control.display.info
        self._first = display.min_keycode
        count = display.max_keycode - self._first + 1
        self._symbols = [list(row) for row in self._control.get_keyboard_mapping(self._first, count)]
        nothing = (0, 0, 0, 0)
        wanted = {
            "core_requests": (0, 0),
            "core_replies": (0, 0),
            "ext_requests": nothing,
            "ext_replies": nothing,
            "delivered_events": (0, 0),
            "device_events": (X.KeyPress, X.KeyRelease),
            "errors": (0, 0),
            "client_started": False,
            "client_died": False,
        }
        self._context = self._hearing.record_create_context(0, [record.AllClients], [wanted])
        begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(begun,), name="keys")
        self._thread.start()
        begun.wait()

    def close(self) -> None:
        """Stop listening."""
        self._control.record_disable_context(self._context)
        self._control.flush()
        self._thread.join()
        self._control.close()

    def _listen(self, begun: threading.Event) -> None:
        def take(reply: Any) -> None:
            if reply.category == record.StartOfData:
                begun.set()
            data = reply.data if reply.category == record.FromServer and not reply.client_swapped else b""
            while data:
                event, data = rq.EventField("event").parse_binary_value(data, self._hearing.display, None, None)
                self._tell(event)

        try:
            self._hearing.record_enable_context(self._context, take)
            self._hearing.record_free_context(self._context)
            self._hearing.close()
        except error.ConnectionClosedError:
            pass  # the desktop has ended: no key comes any more
        finally:
            begun.set()

    def _tell(self, event: Any) -> None:
        time = self._at_zero + (event.time - self._zero) % _WRAP / 1e3
        if event.type == X.KeyRelease:
            self._log.release(event.detail, time)
        elif name := key_name(self._symbols[event.detail - self._first], event.state):
            self._log.press(event.detail, name, time)


def key_name(row: Sequence[int], state: int) -> str | None:
    """What a session file calls a key.

    Args:
        row: Its symbols by column: two of each group of the layout, without and with Shift; two of the third level.
        state: Modifiers, and in bits 13 and 14 the group.
    """
    symbols = [*row, *[0] * max(0, 6 - len(row))]
    shift = bool(state & X.ShiftMask)
    if state & X.Mod2Mask and symbols[1] in _KEYPAD:  # Num Lock
        shift = not shift
    group = 2 * (state >> 13 & 1)
    column = 4 if state & X.Mod5Mask and symbols[4] else group if symbols[group] else 0
    symbol = symbols[column + shift] or symbols[column]
    name = _name(symbol)
    if name and len(name) == 1 and state & X.LockMask:
        return name.lower() if shift else name.upper()
    return name


def _name(symbol: int) -> str | None:
    if not symbol:
        return None
    if symbol in _NAMES:
        return _NAMES[symbol]
    if symbol in _KEYPAD:
        return chr(symbol & 0x7F)
    if 0x20 <= symbol <= 0xFF:
        return chr(symbol)
    if symbol >> 24 == 1:
        return chr(symbol & 0xFFFFFF)
    return f"Key.{_OTHERS.get(symbol, hex(symbol)).lower()}"


def _clocks(display: Display, clock: Callable[[], float]) -> tuple[int, float]:
    """A time of the server's (ms), and the clock's (s) at it."""
    window = display.screen().root.create_window(0, 0, 1, 1, 0, 0, event_mask=X.PropertyChangeMask)
    readings = []
    for _ in range(_READINGS):
        before = clock()
        window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"emgtype")
        while (event := display.next_event()).type != X.PropertyNotify:
            pass
        after = clock()
        readings.append((after - before, event.time, (before + after) / 2))
    window.destroy()
    display.sync()
    _, zero, at_zero = min(readings)
    return zero, at_zero - 0.5e-3  # the server cuts its time to whole milliseconds
