"""Notices others' keys and clicks on X11: raw input events (XInput 2) beyond the keys that we pressed.

After somebody else's click or key, a backspace of ours could take back text that is not ours.
"""

import struct

from Xlib.display import Display
from Xlib.ext import ge, xinput

# Buttons that scroll: they do not move the caret.
_WHEEL = range(4, 8)
# Device, time and detail: the fields that follow the head of a raw event (XI2proto.h).
_RAW = struct.Struct("=HII")


class ForeignInputWatch:
    """Counts presses of keys and buttons that were not ours.

    Without XInput 2 it never notices any.

    Args:
        display: A connection that nobody else uses, since its queue is emptied here.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._keys = self._clicks = 0
        # The largest number of foreign presses so far. A press of ours may be counted as ours before its event is here.
        self._most = 0
        mask = xinput.RawKeyPressMask | xinput.RawButtonPressMask
        self._usable = display.has_extension("XInputExtension") and display.has_extension("Generic Event Extension")
        if self._usable:
            xinput.query_version(display)
            xinput.select_events(display.screen().root, [(xinput.AllMasterDevices, [mask])])
            display.sync()

    def pressed(self, ours: int) -> bool:
        """Return whether somebody else pressed a key or a button since the last call.

        Args:
            ours: Number of key presses that the server has taken from us so far.
        """
        if not self._usable:
            return False
        self._display.sync()
        for _ in range(self._display.pending_events()):
            event = self._display.next_event()
            if event.type != ge.GenericEventCode:
                continue
            if event.evtype == xinput.RawKeyPress:
                self._keys += 1
            elif event.evtype == xinput.RawButtonPress and _RAW.unpack_from(event.data)[2] not in _WHEEL:
                self._clicks += 1
        foreign = self._keys - ours + self._clicks
        noticed, self._most = foreign > self._most, max(self._most, foreign)
        return noticed
