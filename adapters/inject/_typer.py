"""Types the planned keys one at a time, while armed and while the window that it was armed for has the focus."""

import math
import time
from collections.abc import Callable
from typing import Any

from adapters.inject._device import KeyDevice, KeyPresser
from adapters.inject._pace import STUCK, Pace
from adapters.inject._plan import KeyPlan
from adapters.inject.focus import Focus, FocusedWindow
from adapters.inject.settings import SECTION, InjectSettings
from messages.text import TextEvent

_GLANCE_S = 0.05
"""Time between two looks at the focus."""
_PATIENCE_S = 5.0
"""Time that something may hinder typing before typing stops."""
_GIVE_UP_S = 10.0
"""Time that a window may take for one key before typing stops."""


class KeyTyper:
    """Everything that the key process does, apart from its pipes.

    Args:
        settings: The settings of virtual key presses.
        device: The keyboard.
        focus: The focus; None where the system does not tell programs about it.
        notify: Gets a sentence about what happened; it contains no typed text.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: InjectSettings,
        device: KeyDevice,
        focus: Focus | None,
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._plan = KeyPlan(settings)
        self._device = device
        self._presser = KeyPresser(device)
        self._focus = focus
        self._pace = Pace(settings.pause_s, settings.shortest_pause_s)
        self._notify = notify
        self._clock = clock
        self._window: FocusedWindow | None = None
        # Times of the clock: the end of the delay before arming, the earliest next key, the start of a hindrance.
        self._arm_at: float | None = None
        self._next_key_at = -math.inf
        self._hindered_since: float | None = None
        self._notified: set[str] = set()
        self._pressed = 0

    @property
    def armed(self) -> bool:
        """True while keys are pressed, or will be once the delay of arming is over."""
        return self._plan.armed or self._arm_at is not None

    @property
    def waiting(self) -> int:
        """Number of keys that are still to be pressed."""
        return self._plan.waiting

    def state(self) -> dict[str, Any]:
        """Return the state as plain values: armed, arming (the delay runs), numbers of pressed and of dropped keys."""
        armed = {"armed": self._plan.armed, "arming": self._arm_at is not None}
        return {**armed, "pressed": self._pressed, "dropped": dict(self._plan.dropped)}

    def push(self, event: TextEvent) -> None:
        """Take an edit of the key sequence."""
        try:
            self._plan.push(event)
        except ValueError as error:
            self._notify(f"{error}: nothing is typed until it is armed again")

    def arm(self, delay: float = 0.0) -> None:
        """Arm for the window that has the focus after `delay` seconds, which leave time to click into it."""
        self.disarm()
        self._arm_at = self._clock() + delay
        if delay:
            self._notify(f"typing begins in {delay:g} s: click into the window that you want to type into")

    def _arm_now(self) -> None:
        self._arm_at = None
        if self._focus is not None:
            self._window = self._focus.window()
            if self._window is None:
                self._notify("not armed: no window has the focus; click into the window that you want to type into")
                return
            if name := self._window.forbidden(self._settings.forbidden):
                self._notify(f"not armed: {name!r} is one of the forbidden applications of {SECTION}")
                return
            # Input before this moment does not count.
            self._focus.foreign_input()
        self._plan.arm()
        self._pace.reset()
        self._hindered_since = None
        self._notified.clear()
        self._notify("armed: typing into the focused window")

    def disarm(self, why: str = "") -> None:
        """Stop typing and drop the keys that wait; `why` is added to the notice."""
        self._arm_at = None
        if self._plan.armed:
            waiting = self._plan.disarm()
            reason = f": {why}" if why else ""
            self._notify(f"disarmed{reason}" + (f"; {waiting} keys that waited are dropped" if waiting else ""))

    def change(self, settings: InjectSettings) -> None:
        """Use other settings, except those of the device; nothing is typed by them until it is armed again."""
        self.disarm("the settings have changed")
        self._settings = settings
        self._plan = KeyPlan(settings)
        self._pace = Pace(settings.pause_s, settings.shortest_pause_s)

    def undo(self) -> None:
        """Take back the last insertion, as far as it stands in the window and is our own text."""
        count = self._plan.undo() if self._plan.armed else 0
        self._notify(f"taking back {count} characters" if count else "there is no typed text to take back")

    def step(self) -> float | None:
        """Press the next key, if there is one and nothing speaks against it.

        Returns:
            Seconds until the next step is useful, unless a message comes earlier; None: only after a message.
        """
        if self._arm_at is not None:
            if (wait := self._arm_at - self._clock()) > 0:
                return min(wait, _GLANCE_S)
            self._arm_now()
        if not self._plan.armed or not self._window_keeps_focus():
            return None
        character = self._plan.next()
        if character is not None and (wait := self._next_key_at - self._clock()) > 0:
            return wait
        if character is None or self._hindered():
            # The focus is watched even while there is nothing to type.
            return _GLANCE_S if self._plan.armed and self._focus is not None else None
        if self._presser.tap(character):
            self._plan.done()
            self._pressed += 1
            self._next_key_at = self._clock() + self._pause()
        else:
            self._plan.cannot()
            self._notify_once("a character that this keyboard layout cannot make was left out")
        return 0.0

    def _window_keeps_focus(self) -> bool:
        """Return whether the window that it was armed for still has the focus; otherwise disarm."""
        if self._focus is None:
            return True
        if self._focus.window() != self._window:
            self.disarm("the focus has moved to another window")
            return False
        if self._focus.foreign_input():
            self._plan.seal()
        return True

    def _hindered(self) -> bool:
        """Return whether a key pressed now would make another character; disarm if that lasts too long."""
        reason = self._focus.hindrance() if self._focus is not None else None
        if reason is None:
            self._hindered_since = None
            return False
        if self._hindered_since is None:
            self._hindered_since = self._clock()
        if self._clock() - self._hindered_since >= _PATIENCE_S:
            self.disarm(reason)
        return True

    def _pause(self) -> float:
        """Wait for a window that is stuck, and return the seconds to wait before the next key."""
        began = self._clock()
        lag = self._device.lag()
        while lag is not None and lag >= STUCK and self._clock() - began < _GIVE_UP_S:
            lag = self._device.lag()
        if lag is not None and lag >= STUCK:
            self.disarm("the window takes no keys any more")
        self._pace.update(lag)
        return self._pace.pause

    def _notify_once(self, sentence: str) -> None:
        if sentence not in self._notified:
            self._notified.add(sentence)
            self._notify(sentence)

    def close(self) -> None:
        """Release every key and give the keyboard back."""
        try:
            self._presser.close()
        finally:
            if self._focus is not None:
                self._focus.close()
