"""The keyboard's events from an X server (its RECORD extension), each with the time at which the server got it.

The server's clock is read once, by an event that we ask for. The truth is as exact as that answer was quick and as the
server's milliseconds are fine; the time at which an event reaches this process does not matter.
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

_READINGS = 5
"""Number of readings of the two clocks; the quickest one counts."""
_WRAP_MS = 2**32
"""Time after which the server's clock starts again at 0."""
_NAMES = {
    XK.XK_BackSpace: "Key.backspace",
    XK.XK_Return: "Key.enter",
    XK.XK_KP_Enter: "Key.enter",
    XK.XK_space: "Key.space",
    XK.XK_Shift_L: SHIFT,
    XK.XK_Shift_R: SHIFT,
    0x20AC: "€",
}
_OTHER_NAMES = {symbol: name[3:] for name, symbol in vars(XK).items() if name.startswith("XK_")}
_KEYPAD = range(XK.XK_KP_Multiply, XK.XK_KP_9 + 1)


class X11Listener(Closing):
    """Listens to the keyboard of $DISPLAY, whichever program is typed into. Use it in a `with`.

    Args:
        log: Records every key, in a thread of its own.
        clock: Seconds, on the clock of the samples.

    Raises:
        InputError: There is no X server, or it reports no keys.
    """

    def __init__(self, log: KeyLog, clock: Callable[[], float]) -> None:
        # RECORD wants two connections: one that controls it, and one that it reports to.
        try:
            self._control, self._report = Display(), Display()
        except (error.DisplayError, error.XauthError, OSError) as reason:
            raise InputError(
                f"no X display with a keyboard to listen to ({reason}): start this inside a desktop session, or leave "
                "--keys out"
            ) from None
        if not self._report.has_extension("RECORD"):
            raise InputError("the X server lacks the RECORD extension: enable it, or leave --keys out")
        self._log = log
        self._server_ms, self._clock_s = _read_clocks(self._control, clock)
        display = self._control.display.info
        self._first = display.min_keycode
        count = display.max_keycode - self._first + 1
        self._symbols = [list(row) for row in self._control.get_keyboard_mapping(self._first, count)]
        nothing = (0, 0, 0, 0)
        events = {
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
        self._context = self._report.record_create_context(0, [record.AllClients], [events])
        started = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(started,), name="keys")
        self._thread.start()
        started.wait()

    def close(self) -> None:
        """Stop listening."""
        self._control.record_disable_context(self._context)
        self._control.flush()
        self._thread.join()
        self._control.close()

    def _listen(self, started: threading.Event) -> None:
        def take(reply: Any) -> None:
            if reply.category == record.StartOfData:
                started.set()
            data = reply.data if reply.category == record.FromServer and not reply.client_swapped else b""
            while data:
                event, data = rq.EventField("event").parse_binary_value(data, self._report.display, None, None)
                self._record(event)

        try:
            self._report.record_enable_context(self._context, take)
            self._report.record_free_context(self._context)
            self._report.close()
        except error.ConnectionClosedError:
            # The desktop session has ended: no key comes any more.
            pass
        finally:
            started.set()

    def _record(self, event: Any) -> None:
        time = self._clock_s + (event.time - self._server_ms) % _WRAP_MS / 1e3
        if event.type == X.KeyRelease:
            self._log.release(event.detail, time)
        elif name := key_name(self._symbols[event.detail - self._first], event.state):
            self._log.press(event.detail, name, time)


def key_name(row: Sequence[int], state: int) -> str | None:
    """Return the name of a key in a session file; None: it has no symbol.

    Args:
        row: Its symbols by column: two for each group of the layout, without and with Shift; two for the third level.
        state: The modifiers, and in bits 13 and 14 the group.
    """
    symbols = [*row, *[0] * max(0, 6 - len(row))]
    shift = bool(state & X.ShiftMask)
    # Num Lock turns Shift round on the keypad.
    if state & X.Mod2Mask and symbols[1] in _KEYPAD:
        shift = not shift
    group = 2 * (state >> 13 & 1)
    column = 4 if state & X.Mod5Mask and symbols[4] else group if symbols[group] else 0
    symbol = symbols[column + shift] or symbols[column]
    name = _symbol_name(symbol)
    if name and len(name) == 1 and state & X.LockMask:
        return name.lower() if shift else name.upper()
    return name


def _symbol_name(symbol: int) -> str | None:
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
    return f"Key.{_OTHER_NAMES.get(symbol, hex(symbol)).lower()}"


def _read_clocks(display: Display, clock: Callable[[], float]) -> tuple[int, float]:
    """Return a time of the server (ms), and the time of `clock` (s) at the same moment."""
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
    _, server_ms, clock_s = min(readings)
    # The server cuts its time to whole milliseconds, so on average it is half a millisecond later than it says.
    return server_ms, clock_s - 0.5e-3
