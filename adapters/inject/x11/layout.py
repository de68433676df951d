"""Which keys of an X11 keyboard make a character. Pure: from the server's table of key symbols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHIFT_L, LEVEL3_SHIFT = 0xFFE1, 0xFE03
_NAMED = {"\b": 0xFF08, "\n": 0xFF0D, "€": 0x20AC}
"""Key symbols that do not follow from the code point (keysymdef.h); layouts name the euro so."""

Symbols = Sequence[Sequence[int]]
"""Key symbols by key code (from the first one on) and column; 0: none."""


def keysym(character: str) -> int:
    """The symbol of a character: Latin-1 as it is, others by their code point (X protocol, appendix A)."""
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else 0x0100_0000 | code


def spare_pair(character: str) -> tuple[int, int]:
    """Symbols for a key that has none: without and with Shift. Cased characters share a key, as the server's key types
    want it; others stand on both, so that Shift does not matter.
    """
    lower, upper = character.lower(), character.upper()
    if lower != upper and len(lower) == len(upper) == 1:
        return keysym(lower), keysym(upper)
    return keysym(character), keysym(character)


@dataclass(frozen=True, slots=True)
class Layout:
    """The server's table."""

    first: int
    """The first key code."""
    symbols: Symbols

    def strokes(self, group: int) -> Mapping[int, tuple[int, ...]]:
        """Key codes by symbol, modifiers first, those with fewest modifiers, for the layout group that is chosen.

        Columns 0 and 1 are the first group without and with Shift, 2 and 3 the second's (XKB's core mapping). Columns
        4 and 5 are the third level, behind AltGr, where there is one group alone; of several, the server packs them in
        a way that cannot be told apart, so their third levels are left out.
        """
        single = all(list(row[:2]) == list(row[2:4]) or not any(row[2:4]) for row in self.symbols)
        shift, level3 = self._modifier(SHIFT_L), self._modifier(LEVEL3_SHIFT)
        pair = 0 if single or group not in (0, 1) else 2 * group
        columns: list[tuple[int, tuple[int, ...]]] = [(pair, ())]
        if shift:
            columns.append((pair + 1, shift))
        if single and level3:
            columns.append((4, level3))
            if shift:
                columns.append((5, shift + level3))
        found: dict[int, tuple[int, ...]] = {}
        for column, modifiers in columns:
            for code, row in enumerate(self.symbols, self.first):
                if column < len(row) and row[column]:
                    found.setdefault(row[column], (*modifiers, code))
        return found

    def spare(self) -> list[int]:
        """Codes of keys without a symbol."""
        return [code for code, row in enumerate(self.symbols, self.first) if not any(row)]

    def _modifier(self, symbol: int) -> tuple[int, ...]:
        return next(((code,) for code, row in enumerate(self.symbols, self.first) if row and row[0] == symbol), ())
