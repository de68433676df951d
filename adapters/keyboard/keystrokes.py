"""Makes the keystrokes of a session file from presses and releases of keys. Pure."""

from collections.abc import Callable, Hashable

from messages.typed import Keystroke

_REPEAT_S = 0.005
"""Longest time between a release and the next press of a key that is held, where the system reports its repetition as
both; fingers take ten times as long."""
SHIFT = "Key.shift"
"""Name of ⇧ in a session file, whichever hand pressed it."""


class KeyLog:
    """Turns presses and releases into keystrokes: each as soon as the key goes down, and again when its end is known.

    Args:
        note: Gets each keystroke.
    """

    def __init__(self, note: Callable[[Keystroke], None]) -> None:
        self._note = note
        self._held: dict[Hashable, Keystroke] = {}
        self._released: tuple[Hashable, Keystroke] | None = None
        self.count = 0
        """Number of keys that were pressed."""

    def press(self, code: Hashable, key: str, time: float) -> None:
        """Record that a key went down.

        Args:
            code: The key; a second press of a held key is a repetition, which does not count.
            key: The key's meaning at this moment.
            time: Seconds.
        """
        if code in self._held:
            return
        last, stroke = self._released or (None, Keystroke("", 0.0, 0.0))
        if last == code and time - stroke.end < _REPEAT_S:
            # The key repeats: it was not released at all.
            self._held[code] = stroke
            return
        self._held[code] = Keystroke(key, time, time)
        self.count += 1
        self._note(self._held[code])

    def release(self, code: Hashable, time: float) -> None:
        """Record that a key went up at `time` s; a key whose press was not recorded is ignored."""
        stroke = self._held.pop(code, None)
        if stroke is not None:
            self._released = code, Keystroke(stroke.key, stroke.start, max(time, stroke.start))
            self._note(self._released[1])
