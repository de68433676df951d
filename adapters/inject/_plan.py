"""Which key to press next: from edits of the key sequence to characters and backspaces. Pure.

The plan holds two texts: the one that is wanted, and the one that it has typed and that still stands in the window (its
own text). The next key is always the first step of the smallest edit from the second to the first, so what was inserted
and taken back before its turn came is never typed, and nothing but own text is ever taken back.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adapters.inject.settings import KeySettings
from decoder.ctc.commit import DEAR
from messages.charset import BACKSPACE, ENTER, KEYS, SHIFT
from messages.text import Key, KeySequence, TextEvent

RUBOUT = "\b"
"""The character that stands for pressing the backspace key; a line feed stands for Enter."""
_BARRIERS = (RUBOUT, "\n")  # behind them begins a text of which nothing before may be touched
OWN = 500
"""Characters of own text that can be taken back; older ones are kept as they are, so that memory stays bounded."""
WAITING = 100_000
"""Characters that may wait to be typed: some hours of typing."""
BREATH = 1.0
"""Seconds without a key that part one insertion from the next: what an undo takes back."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the text."""

    text: str
    """What is typed for it; empty: a key that types nothing here, but that a ⌫ can take back."""
    time: float
    """Seconds: the time of its key."""


class KeyPlan:
    """Edits in, keys to press out; `next` says which, `done` that it was pressed.

    Args:
        settings: Whether the tail is typed (text), what a typed ⌫ does (backspace), whether ⏎ is pressed (enter).
    """

    def __init__(self, settings: KeySettings) -> None:
        self._settings = settings
        self._sequence = KeySequence(keep=0)
        self._expected: int | None = None
        self._heard = -np.inf
        self.armed = False
        """Whether anything is typed; what comes while it is not is dropped, not kept."""
        self.dropped: Counter[str] = Counter()
        """Keys that were not typed, by reason."""
        self._impossible: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        """No text is ours, and nothing waits; keys heard so far stay untyped, also where they become final later."""
        self._cells: list[Cell] = []
        self._floor = 0  # cells before it stay
        self._tail: list[Cell] = []
        self._typed: list[str] = []
        self._since = self._heard
        self._wanted: list[str] = []

    @property
    def waiting(self) -> int:
        """Keys that are to be pressed."""
        common = self._common()
        return len(self._typed) + len(self._wanted) - 2 * common

    def arm(self) -> None:
        """Type what is heard from now on."""
        self._impossible.clear()  # the layout may be another one
        self._forget()
        self.armed = True

    def disarm(self) -> int:
        """Type nothing more; returns how many keys were still to be pressed."""
        left = self.waiting
        self.dropped["stopped"] += left
        self.armed = False
        self._forget()
        return left

    def seal(self) -> None:
        """Somebody else typed or clicked: what stands in the window stays; what waits is typed behind it."""
        cells = [cell for cell in (*self._cells, *self._tail) if cell.text][self._common() :]
        if self._tail:  # as it stands it is final for the window
            self._since = self._heard
        self._cells, self._tail, self._typed = cells, [], []
        self._floor = max((place + 1 for place, cell in enumerate(cells) if cell.text in _BARRIERS), default=0)
        self._look()

    def push(self, event: TextEvent) -> None:
        """Take an edit.

        Raises:
            ValueError: Edits are missing before this one, or it contradicts them, or too much waits: nothing can be
                typed rightly any more, and nothing is until `arm`. One that came before is dropped.
        """
        if self._expected is None:
            self._join(event)
        elif event.seq < self._expected:
            self.dropped["repeated"] += 1
            return
        try:
            settled = self._sequence.push(event)
        except ValueError:
            self._expected, was_armed = None, self.armed
            self.disarm()
            self._join(event)
            self._sequence.push(event)
            settled = ()
            if was_armed:
                raise
        finally:
            self._expected = event.seq + 1
            self._heard = max(self._heard, event.time)
        if not self.armed:
            self._since = self._heard
            self.dropped["disarmed"] += len(settled)
            return
        for key in settled:
            if key.time > self._since:
                self._press(key)
        self._tail = list(self._shown(self._sequence.tail)) if self._settings.text == "live" else []
        self._look()
        if len(self._wanted) > WAITING:
            self.disarm()
            raise ValueError(f"more than {WAITING} characters wait to be typed")

    def _join(self, event: TextEvent) -> None:
        """Begin in the middle: keys that this edit speaks of and that nobody told us stand as heard before."""
        unknown = max(event.erase, event.erase + event.tail - len(event.insert))
        self._sequence = KeySequence(keep=0)
        if unknown > 0:
            keys = (Key(0, -np.inf, 0.0),) * unknown
            self._sequence.push(TextEvent(0, keys, unknown, event.time, event.seq - 1))

    def _press(self, key: Key) -> None:
        """What a final key does to the wanted text."""
        character, rule = KEYS[key.label], self._settings.backspace
        if character == SHIFT:  # never pressed for itself: an upper-case character says it
            return
        if character == BACKSPACE:
            if rule != "off" and len(self._cells) > self._floor:
                self._cells.pop()
            elif rule == "any":
                self._cells.append(Cell(RUBOUT, key.time))
                self._floor = len(self._cells)
            else:
                self.dropped["backspace"] += 1
        elif character == ENTER and self._settings.enter:
            self._cells.append(Cell("\n", key.time))
            self._floor = len(self._cells)
        else:
            cell = self._cell(key)
            if not cell.text:
                self.dropped["enter" if character == ENTER else "layout"] += 1
            self._cells.append(cell)

    def _cell(self, key: Key) -> Cell:
        character = KEYS[key.label]
        return Cell("" if character == ENTER or character in self._impossible else character, key.time)

    def _shown(self, tail: Iterable[Key]) -> Iterable[Cell]:
        """The tail as far as it is typed before it is final: up to a ⌫ or ⏎, which cannot be taken back."""
        for key in tail:
            if KEYS[key.label] in DEAR:
                return
            if KEYS[key.label] != SHIFT and key.time > self._since:
                yield self._cell(key)

    def _look(self) -> None:
        self._wanted = [cell.text for cell in (*self._cells, *self._tail) if cell.text]

    def undo(self) -> int:
        """Take back the last insertion, own text since the last breath, and what is not typed of it yet.

        Returns how many characters it had.
        """
        before = len(self._wanted)
        cells = [*self._cells, *self._tail]
        start = max(self._floor, len(cells) - 1)
        while start > self._floor and cells[start].time - cells[start - 1].time < BREATH:
            start -= 1
        self._cells, self._tail = cells[:start], []
        self._since = self._heard
        self._look()
        return before - len(self._wanted)

    def _common(self) -> int:
        for count, (typed, wanted) in enumerate(zip(self._typed, self._wanted, strict=False)):
            if typed != wanted:
                return count
        return min(len(self._typed), len(self._wanted))

    def next(self) -> str | None:
        """The character to type now, RUBOUT for the backspace key; None: the window shows what is wanted."""
        common = self._common()
        if common < len(self._typed):
            return RUBOUT
        return self._wanted[common] if common < len(self._wanted) else None

    def done(self) -> None:
        """What `next` said was pressed."""
        common = self._common()
        if common < len(self._typed):
            self._typed.pop()
            return
        self._typed.append(self._wanted[common])
        if self._typed[-1] in _BARRIERS:
            self._cut(len(self._typed))
        elif len(self._typed) > 2 * OWN:
            self._cut(OWN)

    def cannot(self) -> None:
        """What `next` said cannot be typed here: it is left out, and so are its like until `arm`."""
        character = self._wanted[self._common()]
        self._impossible.add(character)
        self.dropped["layout"] += sum(cell.text == character for cell in self._cells)
        self._cells, self._tail = (
            [Cell("", cell.time) if cell.text == character else cell for cell in cells]
            for cells in (self._cells, self._tail)
        )
        self._look()

    def _cut(self, count: int) -> None:
        """Let go of the first `count` characters of own text."""
        left, cells = count, 0
        while left and cells < len(self._cells):
            left -= bool(self._cells[cells].text)
            cells += 1
        del self._cells[:cells], self._typed[:count]
        self._floor = max(0, self._floor - cells)
        self._look()
