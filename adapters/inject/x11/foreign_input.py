"""Whether anybody else types or clicks, on X11: raw input events (XInput 2) beside the keys that we pressed.

Behind a click or a key of somebody else, a backspace of ours could take back what is not ours.
"""

import struct

from Xlib.display import Display
from Xlib.ext import ge, xinput

_WHEEL = range(4, 8)  # buttons that scroll: the caret stays
_RAW = struct.Struct("=HII")  # device, time, detail: how a raw event goes on (XI2proto.h)


class Watch:
    """Counts presses of keys and buttons that were not ours.

    Args:
        display: A connection of its own: its queue is emptied here.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._seen = self._most = 0
        self._clicks = 0
        mask = xinput.RawKeyPressMask | xinput.RawButtonPressMask
        self._usable = display.has_extension("XInputExtension") and display.has_extension("Generic Event Extension")
        if self._usable:
            xinput.query_version(display)
            xinput.select_events(display.screen().root, [(xinput.AllMasterDevices, [mask])])
            display.sync()

    def foreign(self, ours: int) -> bool:
        """Whether somebody else pressed anything since this was last asked.

        Args:
            ours: Presses that the server has taken from us so far.
        """
        if not self._usable:
            return False
        self._display.sync()
        for _ in range(self._display.pending_events()):
            event = self._display.next_event()
            if event.type != ge.GenericEventCode:
                continue
            if event.evtype == xinput.RawKeyPress:
                self._seen += 1
            elif event.evtype == xinput.RawButtonPress and _RAW.unpack_from(event.data)[2] not in _WHEEL:
                self._clicks += 1
        foreign = self._seen - ours + self._clicks
        news, self._most = foreign > self._most, max(self._most, foreign)
        return news
