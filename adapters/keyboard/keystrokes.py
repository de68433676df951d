"""From presses and releases of keys to the keystrokes of a session file. Pure."""

from collections.abc import Callable, Hashable

from messages.typed import Keystroke

_REPEAT = 0.005
"""Seconds between a release and the next press of a key that is held, where a repetition is told as both; fingers take
ten times as long."""
SHIFT = "Key.shift"
"""What a session file calls ⇧, whichever hand pressed it."""


class KeyLog:
    """Presses and releases in, keystrokes out: each as soon as the key goes down, and again when its end is known.

    Args:
        note: Gets them.
    """

    def __init__(self, note: Callable[[Keystroke], None]) -> None:
        self._note = note
        self._held: dict[Hashable, Keystroke] = {}
        self._released: tuple[Hashable, Keystroke] | None = None
        self.count = 0
        """Keys pressed."""

    def press(self, code: Hashable, key: str, time: float) -> None:
        """The key `code` goes down at `time` (s) and means `key`, or is said to again while it is held."""
        if code in self._held:
            return
        last, stroke = self._released or (None, Keystroke("", 0.0, 0.0))
        if last == code and time - stroke.end < _REPEAT:
            self._held[code] = stroke  # it was not released at all
            return
        self._held[code] = Keystroke(key, time, time)
        self.count += 1
        self._note(self._held[code])

    def release(self, code: Hashable, time: float) -> None:
        """It goes up, whatever it may mean by now; nothing where nobody heard it go down."""
        stroke = self._held.pop(code, None)
        if stroke is not None:
            self._released = code, Keystroke(stroke.key, stroke.start, max(time, stroke.start))
            self._note(self._released[1])
