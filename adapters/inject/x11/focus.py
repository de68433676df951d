"""The focus on X11: the focused window, the held modifiers, and the input of others."""

from collections.abc import Callable

from Xlib import X
from Xlib.display import Display
from Xlib.error import XError

from adapters.inject.focus import FocusedWindow
from adapters.inject.x11.foreign_input import ForeignInputWatch
from adapters.inject.x11.keyboard import open_display

_MODIFIERS = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod3Mask | X.Mod4Mask | X.Mod5Mask


class X11Focus:
    """The focus of the X server.

    Args:
        pressed: Returns the number of keys that we have pressed so far; presses beyond it are somebody else's.

    Raises:
        InputError: There is no X server, or it cannot press keys.
    """

    def __init__(self, pressed: Callable[[], int] = lambda: 0) -> None:
        self._display: Display = open_display()
        self._pressed = pressed
        self._watch = ForeignInputWatch(self._display)
        self._root = self._display.screen().root
        self._state_atom = self._display.intern_atom("WM_STATE")
        # The last focus that was looked up, by the number of its innermost window.
        self._last: tuple[int, FocusedWindow] | None = None

    def window(self) -> FocusedWindow | None:
        """Return the window that has the focus; None also if keys go to the window under the pointer."""
        focus = self._display.get_input_focus().focus
        if isinstance(focus, int) or focus.id == self._root.id:
            return None
        if self._last is None or self._last[0] != focus.id:
            try:
                outermost, names = focus.id, list[str]()
                window = focus
                while not isinstance(window, int) and window.id != self._root.id:
                    if wm_class := window.get_wm_class():
                        names += [name.lower() for name in wm_class]
                    managed = window.get_full_property(self._state_atom, X.AnyPropertyType) is not None
                    outermost = window.id
                    if managed:
                        break
                    window = window.query_tree().parent
            except XError:
                # The window has just gone.
                return None
            self._last = focus.id, FocusedWindow(outermost, tuple(names))
        return self._last[1]

    def hindrance(self) -> str | None:
        """Return that Caps Lock is on or a modifier is held; None: neither."""
        mask = self._root.query_pointer().mask
        if mask & X.LockMask:
            return "Caps Lock is on"
        return "a modifier key is held" if mask & _MODIFIERS else None

    def foreign_input(self) -> bool:
        """Return whether anybody but us has typed or clicked since the last call, by the server's raw events."""
        return self._watch.pressed(self._pressed())

    def close(self) -> None:
        """End the connection."""
        self._display.close()
