"""Types what is planned, one key at a time, as long as it is armed and the window is the one that it was armed for."""

import math
import time
from collections.abc import Callable
from typing import Any

from adapters.inject._device import Hands, KeyDevice
from adapters.inject._pace import STUCK, Pace
from adapters.inject._plan import KeyPlan
from adapters.inject.focus import Focus, Place
from adapters.inject.settings import KeySettings
from messages.text import TextEvent

_GLANCE = 0.05  # seconds between two looks at what hinders
_PATIENCE = 5.0  # seconds that something may hinder before typing stops
_GIVE_UP = 10.0  # seconds that a window may take for a key before typing stops


class Typist:
    """Everything that the key process does, apart from its pipes.

    Args:
        settings: Of [inject].
        device: What presses keys.
        focus: Who gets them; None where the system does not tell.
        tell: Gets a sentence about what happened; no typed text is in it.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: KeySettings,
        device: KeyDevice,
        focus: Focus | None,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._plan = KeyPlan(settings)
        self._device = device
        self._hands = Hands(device)
        self._focus = focus
        self._pace = Pace(settings.pause_s, settings.shortest_pause_s)
        self._tell = tell
        self._clock = clock
        self._place: Place | None = None
        self._due: float | None = None
        self._free = -math.inf  # when the next key may be pressed
        self._hindered: float | None = None
        self._told: set[str] = set()
        self._pressed = 0

    @property
    def armed(self) -> bool:
        """Whether keys are pressed, or will be in a moment."""
        return self._plan.armed or self._due is not None

    @property
    def waiting(self) -> int:
        """Keys that are to be pressed."""
        return self._plan.waiting

    def state(self) -> dict[str, Any]:
        """What there is to tell."""
        armed = {"armed": self._plan.armed, "arming": self._due is not None}
        return {**armed, "pressed": self._pressed, "dropped": dict(self._plan.dropped)}

    def push(self, event: TextEvent) -> None:
        """Take an edit of the key sequence."""
        try:
            self._plan.push(event)
        except ValueError as error:
            self._tell(f"{error}: nothing is typed until it is armed again")

    def arm(self, delay: float = 0.0) -> None:
        """Type into the window that has the focus, after so many seconds to bring it there."""
        self.disarm()
        self._due = self._clock() + delay
        if delay:
            self._tell(f"typing begins in {delay:g} s: click into the window that is meant")

    def _begin(self) -> None:
        self._due = None
        if self._focus is not None:
            self._place = self._focus.place()
            if self._place is None:
                self._tell("not armed: no window has the focus; click into the one that is meant")
                return
            if name := self._place.forbidden(self._settings.forbidden):
                self._tell(f"not armed: {name!r} is one of the forbidden applications of [inject]")
                return
            self._focus.foreign()
        self._plan.arm()
        self._pace.reset()
        self._hindered = None
        self._told.clear()
        self._tell("armed: typing into the focused window")

    def disarm(self, why: str = "") -> None:
        """Type nothing more; what waits is dropped."""
        self._due = None
        if self._plan.armed:
            left = self._plan.disarm()
            self._tell(f"disarmed{why and ': '}{why}" + (f"; {left} keys that waited are dropped" if left else ""))

    def change(self, settings: KeySettings) -> None:
        """Other settings, but for the device's own; nothing is typed by them until it is armed again."""
        self.disarm("the settings have changed")
        self._settings = settings
        self._plan = KeyPlan(settings)
        self._pace = Pace(settings.pause_s, settings.shortest_pause_s)

    def undo(self) -> None:
        """Take back the last insertion, as far as it stands in the window and is ours."""
        count = self._plan.undo() if self._plan.armed else 0
        self._tell(f"taking back {count} characters" if count else "nothing of ours is there to take back")

    def step(self) -> float | None:
        """Press the next key, if there is one and nothing speaks against it.

        Returns:
            Seconds until the next step is worth taking, unless something is asked before; None: only then.
        """
        if self._due is not None:
            if (wait := self._due - self._clock()) > 0:
                return min(wait, _GLANCE)
            self._begin()
        if not self._plan.armed or not self._ours():
            return None
        character = self._plan.next()
        if character is not None and (wait := self._free - self._clock()) > 0:
            return wait
        if character is None or self._hinders():
            return _GLANCE if self._plan.armed and self._focus is not None else None  # the focus is watched on
        if self._hands.tap(character):
            self._plan.done()
            self._pressed += 1
            self._free = self._clock() + self._wait()
        else:
            self._plan.cannot()
            self._once("a character that this keyboard layout cannot make was left out")
        return 0.0

    def _ours(self) -> bool:
        """Whether the window is still the one that it was armed for."""
        if self._focus is None:
            return True
        if self._focus.place() != self._place:
            self.disarm("the focus has moved to another window")
            return False
        if self._focus.foreign():
            self._plan.seal()
        return True

    def _hinders(self) -> bool:
        """Whether a key pressed now would be another one, or would come before the window has taken the last."""
        what = self._focus.hindrance() if self._focus is not None else None
        if what is None:
            self._hindered = None
            return False
        if self._hindered is None:
            self._hindered = self._clock()
        if self._clock() - self._hindered >= _PATIENCE:
            self.disarm(what)
        return True

    def _wait(self) -> float:
        began = self._clock()
        lag = self._device.settle()
        while lag is not None and lag >= STUCK and self._clock() - began < _GIVE_UP:
            lag = self._device.settle()
        if lag is not None and lag >= STUCK:
            self.disarm("the window takes no keys any more")
        self._pace.heard(lag)
        return self._pace.pause

    def _once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)

    def close(self) -> None:
        """Release every key and give the keyboard back."""
        try:
            self._hands.close()
        finally:
            if self._focus is not None:
                self._focus.close()
