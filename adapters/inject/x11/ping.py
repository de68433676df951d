"""Measures how far the focused window is behind: the time that it takes to answer a ping (EWMH's _NET_WM_PING).

A ping waits in the window's queue behind the keys that were sent to it, so its answer says that they were read. Windows
that do not answer pings (old toolkits) count as quick as the server.
"""

import select
import time

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import XError
from Xlib.protocol.event import ClientMessage
from Xlib.xobject.drawable import Window

_PATIENCE_S = 0.2
"""Time that one call may wait for a late answer."""
_FIRST = 0x4000_0000
"""Smallest number of our pings. Others ping with server times, and take the answers to our numbers for unknown."""


class WindowPing:
    """Pings the focused window, one ping at a time, and notices changes of the keyboard layout in the same queue.

    Args:
        display: The connection that the keys go through.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        # The answers go to the root window.
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._protocols = display.intern_atom("WM_PROTOCOLS")
        self._atom = display.intern_atom("_NET_WM_PING")
        self._number = _FIRST
        # Monotonic seconds at which the ping without an answer was sent.
        self._sent: float | None = None
        self._focus = 0
        self._target: Window | None = None
        self._layout_changed = False

    def lag(self) -> float:
        """Return the seconds that the window took to answer, or has not answered for; waits a little for the answer.

        0: no window has the focus, or it answers no pings.
        """
        focus = self._display.get_input_focus().focus
        if isinstance(focus, int):
            return 0.0
        if focus.id != self._focus:
            self._focus, self._target, self._sent = focus.id, self._answering(focus), None
        if self._target is None:
            return 0.0
        if self._sent is None:
            self._send(self._target)
        sent = self._sent or 0.0
        end = time.monotonic() + _PATIENCE_S
        self._read_queue()
        while self._sent is not None and (remaining := end - time.monotonic()) > 0:
            select.select([self._display], [], [], remaining)
            self._read_queue()
        return time.monotonic() - sent

    def layout_changed(self) -> bool:
        """Return whether keys have got another meaning since the last call."""
        self._read_queue()
        changed, self._layout_changed = self._layout_changed, False
        return changed

    def _send(self, target: Window) -> None:
        self._number += 1
        self._sent = time.monotonic()
        data = (32, [self._atom, self._number, target.id, 0, 0])
        target.send_event(ClientMessage(window=target, client_type=self._protocols, data=data))
        self._display.flush()

    def _read_queue(self) -> None:
        for _ in range(self._display.pending_events()):
            event = self._display.next_event()
            if event.type == X.MappingNotify:
                self._layout_changed = True
            elif event.type == X.ClientMessage and self._sent is not None and event.client_type == self._protocols:
                protocol, number = event.data[1][:2]
                if (protocol, number) == (self._atom, self._number):
                    self._sent = None

    def _answering(self, window: Window) -> Window | None:
        """Return the window, or the nearest window around it, that announces that it answers pings."""
        try:
            while not isinstance(window, int) and window.id != self._root.id:
                protocols = window.get_full_property(self._protocols, Xatom.ATOM)
                if protocols is not None and self._atom in protocols.value:
                    return window
                window = window.query_tree().parent
        except XError:
            # The window has gone.
            pass
        return None
