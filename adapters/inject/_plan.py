"""Plans which key to press next, from edits of the key sequence. Pure.

Inputs: edits of the key sequence (`push`), word of which key was pressed (`done`) or cannot be pressed (`cannot`), and
three interruptions: `arm` and `disarm`, `undo`, and `seal` when somebody else typed or clicked.

State: two texts. The target text is what the window should show of ours: cells made from final keys, then from the tail
as far as it is typed early. The typed text is what was pressed and still stands in the window: our own text.

Rules:

1. The next key is the first step of the smallest edit from the typed text to the target text: a backspace while the
   typed text has anything behind the common beginning, otherwise the next character. So text that was inserted and
   taken back before its turn is never typed, and only our own text is ever taken back.
2. Only keys whose time is later than `_since` count, so that keys decoded before arming are not typed when they become
   final afterwards. An undo and a seal move `_since`, too.
3. Cells before `_floor` stay: no ⌫ removes them. A pressed Enter and a pressed backspace key (backspace = "any") are
   barriers, since nothing before them may be touched.
4. The tail is typed early only if the settings say so (text = "live"), and only up to the first ⌫ or ⏎, which cannot
   be taken back.
5. After lost edits nothing is typed until it is armed again. A plan can join a run in the middle.
6. Memory is bounded: of our own text the newest characters can be taken back, older ones are let go of.

The simpler way, to press keys as edits arrive, would make a slow window show every change of mind in turn.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adapters.inject.settings import InjectSettings
from messages.charset import BACKSPACE, ENTER, IRREVERSIBLE, KEYS, SHIFT
from messages.text import Key, KeySequence, TextEvent, type_key

RUBOUT = "\b"
"""Character that stands for pressing the backspace key; a line feed stands for Enter."""
_BARRIERS = (RUBOUT, "\n")
OWN = 500
"""Number of characters of our own text that can be taken back; older ones stay, so that memory is bounded."""
WAITING = 100_000
"""Number of characters that may wait to be typed: some hours of typing."""
BREATH = 1.0
"""Seconds without a key that separate two insertions; an undo takes back the last insertion."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the target text."""

    text: str
    """Character to type; empty for a key that types nothing here, but that a ⌫ can take back."""
    time: float
    """Seconds: the time of its key."""


class KeyPlan:
    """Turns edits into keys to press: `next` names the next key, `done` tells that it was pressed.

    Args:
        settings: Whether the tail is typed (text), what a typed ⌫ does (backspace), whether ⏎ is pressed (enter).
    """

    def __init__(self, settings: InjectSettings) -> None:
        self._settings = settings
        self._sequence = KeySequence(keep=0)
        self._next_seq: int | None = None
        # Seconds: the newest event so far.
        self._now = -np.inf
        self.armed = False
        """True while keys are typed; keys of events that arrive otherwise are dropped, not kept."""
        self.dropped: Counter[str] = Counter()
        """Number of keys that were not typed, by reason."""
        self._impossible: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        """Start with empty texts; keys decoded so far stay untyped, even if they become final later."""
        self._cells: list[Cell] = []
        self._floor = 0
        self._tail: list[Cell] = []
        self._typed: list[str] = []
        self._since = self._now
        self._target: list[str] = []

    @property
    def waiting(self) -> int:
        """Number of keys that are still to be pressed."""
        common = self._common()
        return len(self._typed) + len(self._target) - 2 * common

    def arm(self) -> None:
        """Type the keys that are decoded from now on."""
        # The keyboard layout may be another one by now.
        self._impossible.clear()
        self._forget()
        self.armed = True

    def disarm(self) -> int:
        """Stop typing; return the number of keys that were still to be pressed."""
        waiting = self.waiting
        self.dropped["stopped"] += waiting
        self.armed = False
        self._forget()
        return waiting

    def seal(self) -> None:
        """Give up our text in the window because somebody else typed or clicked; type what waits behind it."""
        cells = [cell for cell in (*self._cells, *self._tail) if cell.text][self._common() :]
        # The tail as it stands is final for the window.
        if self._tail:
            self._since = self._now
        self._cells, self._tail, self._typed = cells, [], []
        self._floor = max((place + 1 for place, cell in enumerate(cells) if cell.text in _BARRIERS), default=0)
        self._update_target()

    def push(self, event: TextEvent) -> None:
        """Apply an edit; one that was applied before is dropped.

        Raises:
            ValueError: Edits are missing before this one, or it contradicts them, or too much waits. Nothing can be
                typed rightly any more, and nothing is typed until `arm`.
        """
        if self._next_seq is None:
            self._join(event)
        elif event.seq < self._next_seq:
            self.dropped["repeated"] += 1
            return
        try:
            finished = self._sequence.push(event)
        except ValueError:
            self._next_seq, was_armed = None, self.armed
            self.disarm()
            self._join(event)
            self._sequence.push(event)
            finished = ()
            if was_armed:
                raise
        finally:
            self._next_seq = event.seq + 1
            self._now = max(self._now, event.time)
        if not self.armed:
            self._since = self._now
            self.dropped["disarmed"] += len(finished)
            return
        for key in finished:
            if key.time > self._since:
                self._apply_final(key)
        self._tail = list(self._early(self._sequence.tail)) if self._settings.text == "live" else []
        self._update_target()
        if len(self._target) > WAITING:
            self.disarm()
            raise ValueError(f"more than {WAITING} characters wait to be typed")

    def _join(self, event: TextEvent) -> None:
        """Start in the middle of a run: keys of this edit that were never received count as decoded before."""
        unknown = max(event.erase, event.erase + event.tail - len(event.insert))
        self._sequence = KeySequence(keep=0)
        if unknown > 0:
            keys = (Key(0, -np.inf, 0.0),) * unknown
            self._sequence.push(TextEvent(0, keys, unknown, event.time, event.seq - 1))

    def _apply_final(self, key: Key) -> None:
        """Apply a final key to the cells."""
        name, rule = KEYS[key.label], self._settings.backspace
        if name == BACKSPACE and rule == "off":
            self.dropped["backspace"] += 1
        elif name == ENTER and self._settings.enter:
            self._add_barrier("\n", key.time)
        elif type_key(self._cells, key.label, self._cell(key), self._floor):
            # ⌫ and ⇧ type no character of their own.
            if name not in (BACKSPACE, SHIFT) and not self._cells[-1].text:
                self.dropped["enter" if name == ENTER else "layout"] += 1
        elif rule == "any":
            self._add_barrier(RUBOUT, key.time)
        else:
            self.dropped["backspace"] += 1

    def _add_barrier(self, text: str, time: float) -> None:
        self._cells.append(Cell(text, time))
        self._floor = len(self._cells)

    def _cell(self, key: Key) -> Cell:
        name = KEYS[key.label]
        return Cell("" if name == ENTER or name in self._impossible else name, key.time)

    def _early(self, tail: Iterable[Key]) -> Iterable[Cell]:
        """Yield the cells of the tail that are typed before they are final, up to a ⌫ or ⏎."""
        for key in tail:
            name = KEYS[key.label]
            if name in IRREVERSIBLE:
                return
            if name != SHIFT and key.time > self._since:
                yield self._cell(key)

    def _update_target(self) -> None:
        self._target = [cell.text for cell in (*self._cells, *self._tail) if cell.text]

    def undo(self) -> int:
        """Take back the last insertion: our own text since the last breath, and its keys that are not typed yet.

        Returns:
            The number of characters that the insertion had.
        """
        before = len(self._target)
        cells = [*self._cells, *self._tail]
        start = max(self._floor, len(cells) - 1)
        while start > self._floor and cells[start].time - cells[start - 1].time < BREATH:
            start -= 1
        self._cells, self._tail = cells[:start], []
        self._since = self._now
        self._update_target()
        return before - len(self._target)

    def _common(self) -> int:
        """Return the length of the common beginning of the typed text and the target text."""
        for count, (typed, target) in enumerate(zip(self._typed, self._target, strict=False)):
            if typed != target:
                return count
        return min(len(self._typed), len(self._target))

    def next(self) -> str | None:
        """Return the character to type now, RUBOUT for the backspace key; None: the window shows the target text."""
        common = self._common()
        if common < len(self._typed):
            return RUBOUT
        return self._target[common] if common < len(self._target) else None

    def done(self) -> None:
        """Record that the key of `next` was pressed."""
        common = self._common()
        if common < len(self._typed):
            self._typed.pop()
            return
        self._typed.append(self._target[common])
        if self._typed[-1] in _BARRIERS:
            self._let_go(len(self._typed))
        elif len(self._typed) > 2 * OWN:
            self._let_go(OWN)

    def cannot(self) -> None:
        """Record that the keyboard cannot make the character of `next`; it is left out from here on, until `arm`."""
        impossible = self._target[self._common()]
        self._impossible.add(impossible)
        self.dropped["layout"] += sum(cell.text == impossible for cell in self._cells)
        self._cells, self._tail = (
            [Cell("", cell.time) if cell.text == impossible else cell for cell in cells]
            for cells in (self._cells, self._tail)
        )
        self._update_target()

    def _let_go(self, count: int) -> None:
        """Drop the first `count` characters of our own text, with their cells: they can no longer be taken back."""
        remaining, cells = count, 0
        while remaining and cells < len(self._cells):
            remaining -= bool(self._cells[cells].text)
            cells += 1
        del self._cells[:cells], self._typed[:count]
        self._floor = max(0, self._floor - cells)
        self._update_target()
