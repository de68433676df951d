"""Finds the keys of an X11 keyboard that make a character, from the server's table of key symbols. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHIFT_L, LEVEL3_SHIFT = 0xFFE1, 0xFE03
_NAMED = {"\b": 0xFF08, "\n": 0xFF0D, "€": 0x20AC}
"""Key symbols that do not follow from the code point (keysymdef.h); layouts use this symbol for the euro sign."""

Symbols = Sequence[Sequence[int]]
"""Key symbols by key code (from the first code on) and column; 0: none."""


def keysym(character: str) -> int:
    """Return the symbol of a character: Latin-1 as it is, others by their code point (X protocol, appendix A)."""
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else 0x0100_0000 | code


def spare_pair(character: str) -> tuple[int, int]:
    """Return the symbols, without and with Shift, for a spare key that is to make a character.

    The two cases of a letter share a key, as the server's key types expect; other characters stand on both places, so
    that Shift makes no difference.
    """
    lower, upper = character.lower(), character.upper()
    if lower != upper and len(lower) == len(upper) == 1:
        return keysym(lower), keysym(upper)
    return keysym(character), keysym(character)


@dataclass(frozen=True, slots=True)
class KeyboardLayout:
    """The server's table of key symbols."""

    first: int
    """The first key code."""
    symbols: Symbols
    """Symbols of each key code."""

    def strokes(self, group: int) -> Mapping[int, tuple[int, ...]]:
        """Return key codes by symbol, modifiers first, with as few modifiers as possible.

        Columns 0 and 1 are the first group without and with Shift, 2 and 3 those of the second group (XKB's core
        mapping). Columns 4 and 5 are the third level, behind AltGr, if there is a single group; with several groups
        the server packs the third levels in ways that cannot be told apart, so they are left out.

        Args:
            group: The layout group that is chosen now.
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
        strokes: dict[int, tuple[int, ...]] = {}
        for column, modifiers in columns:
            for code, row in enumerate(self.symbols, self.first):
                if column < len(row) and row[column]:
                    strokes.setdefault(row[column], (*modifiers, code))
        return strokes

    def spare(self) -> list[int]:
        """Return the codes of keys without a symbol."""
        return [code for code, row in enumerate(self.symbols, self.first) if not any(row)]

    def _modifier(self, symbol: int) -> tuple[int, ...]:
        return next(((code,) for code, row in enumerate(self.symbols, self.first) if row and row[0] == symbol), ())
