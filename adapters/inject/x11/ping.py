"""How far the focused window is behind: the time that it takes to answer a ping (EWMH's _NET_WM_PING).

A ping waits in the window's queue behind the keys that it was sent, so its answer says that they were read. Windows
that do not answer pings (old toolkits) are taken to be as quick as the server.
"""

import select
import time

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import XError
from Xlib.protocol.event import ClientMessage
from Xlib.xobject.drawable import Window

_PATIENCE = 0.2  # seconds that one look at a late answer may take
_FIRST = 0x4000_0000  # of our numbers: others ping with server times, and read the answers to ours as unknown


class WindowPing:
    """Pings of the focused window, one at a time, and word of changes of the layout from the same queue."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask)  # where the answers go
        self._protocols = display.intern_atom("WM_PROTOCOLS")
        self._atom = display.intern_atom("_NET_WM_PING")
        self._number = _FIRST
        self._asked: float | None = None
        self._focus = 0
        self._target: Window | None = None
        self._changed = False

    def lag(self) -> float:
        """Seconds that the window took to answer, or has not answered for; waits a little for the answer."""
        focus = self._display.get_input_focus().focus
        if isinstance(focus, int):
            return 0.0
        if focus.id != self._focus:
            self._focus, self._target, self._asked = focus.id, self._answering(focus), None
        if self._target is None:
            return 0.0
        if self._asked is None:
            self._send(self._target)
        asked = self._asked or 0.0
        end = time.monotonic() + _PATIENCE
        self._drain()
        while self._asked is not None and (left := end - time.monotonic()) > 0:
            select.select([self._display], [], [], left)
            self._drain()
        return time.monotonic() - asked

    def layout_changed(self) -> bool:
        """Whether keys have got another meaning since this was last asked."""
        self._drain()
        changed, self._changed = self._changed, False
        return changed

    def _send(self, target: Window) -> None:
        self._number += 1
        self._asked = time.monotonic()
        data = (32, [self._atom, self._number, target.id, 0, 0])
        target.send_event(ClientMessage(window=target, client_type=self._protocols, data=data))
        self._display.flush()

    def _drain(self) -> None:
        for _ in range(self._display.pending_events()):
            event = self._display.next_event()
            if event.type == X.MappingNotify:
                self._changed = True
            elif event.type == X.ClientMessage and self._asked is not None and event.client_type == self._protocols:
                kind, number = event.data[1][:2]
                if (kind, number) == (self._atom, self._number):
                    self._asked = None

    def _answering(self, window: Window) -> Window | None:
        """The window or the nearest around it that says that it answers pings."""
        try:
            while not isinstance(window, int) and window.id != self._root.id:
                protocols = window.get_full_property(self._protocols, Xatom.ATOM)
                if protocols is not None and self._atom in protocols.value:
                    return window
                window = window.query_tree().parent
        except XError:  # it has gone
            pass
        return None
