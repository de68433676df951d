"""The focus on X11: which window has it, which modifiers are held."""

from collections.abc import Callable

from Xlib import X
from Xlib.display import Display
from Xlib.error import XError

from adapters.inject.focus import Place
from adapters.inject.x11.foreign_input import Watch
from adapters.inject.x11.keyboard import open_display

_HELD = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod3Mask | X.Mod4Mask | X.Mod5Mask


class X11Focus:
    """The focus of the X server.

    Args:
        pressed: How many keys we have pressed so far: others' are told from ours by their number.
    """

    def __init__(self, pressed: Callable[[], int] = lambda: 0) -> None:
        self._display: Display = open_display()
        self._pressed = pressed
        self._watch = Watch(self._display)
        self._root = self._display.screen().root
        self._state = self._display.intern_atom("WM_STATE")
        self._last: tuple[int, Place] | None = None

    def place(self) -> Place | None:
        """The window that has the focus; where it is the one under the pointer (no window manager), none has."""
        focus = self._display.get_input_focus().focus
        if isinstance(focus, int) or focus.id == self._root.id:
            return None
        if self._last is None or self._last[0] != focus.id:
            try:
                outermost, names = focus.id, list[str]()
                window = focus
                while not isinstance(window, int) and window.id != self._root.id:
                    if named := window.get_wm_class():
                        names += [name.lower() for name in named]
                    managed = window.get_full_property(self._state, X.AnyPropertyType) is not None
                    outermost = window.id
                    if managed:
                        break
                    window = window.query_tree().parent
            except XError:  # it has just gone
                return None
            self._last = focus.id, Place(outermost, tuple(names))
        return self._last[1]

    def hindrance(self) -> str | None:
        """A modifier that is held, or Caps Lock."""
        mask = self._root.query_pointer().mask
        if mask & X.LockMask:
            return "Caps Lock is on"
        return "a modifier key is held" if mask & _HELD else None

    def foreign(self) -> bool:
        """By raw events of the server."""
        return self._watch.foreign(self._pressed())

    def close(self) -> None:
        """End the connection."""
        self._display.close()
