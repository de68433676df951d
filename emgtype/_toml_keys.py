"""Where the keys stand in the text of a TOML file.

tomllib reads values and forgets where they stood. A rename in place needs the spans of the keys, so that comments,
order and spelling of all else stay as they are.

Plan. Input: text that tomllib accepts, so that nothing need be checked again. Output: one `KeySpan` for each key before
"=" and each table header, in the order of the text. One position walks through the text; the only state beside it is
the prefix, the full name of the table that the next keys belong to:
- a header [a.b] or [[a.b]] sets the prefix,
- a key a.b is recorded under prefix + (a, b), then its value is skipped,
- a value that is an inline table is read as keys again, with that full name as their prefix,
- keys in tables inside arrays are skipped, since no setting of emgtype has such.
Grammar: https://toml.io/en/v1.0.0. Tried and rejected: tomlkit, which keeps all of this too but would become a
dependency of the daemon for the sake of one command.
"""

import re
from dataclasses import dataclass

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_PART = re.compile(r"[A-Za-z0-9_-]+" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


@dataclass(frozen=True, slots=True)
class KeySpan:
    """One key in the text."""

    name: tuple[str, ...]
    """Its full name, with that of the table it stands in."""
    depth: int
    """How many of the name's parts that table contributes: the text of the key holds the others."""
    start: int
    """Index of the key's first character."""
    end: int
    """Index behind its last character."""
    section: bool
    """Whether it names a table: a header, or a key with an inline table."""


def find_keys(text: str) -> list[KeySpan]:
    """Return the keys of a text that tomllib accepts, in its order."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._spans: list[KeySpan] = []

    def document(self) -> list[KeySpan]:
        prefix: tuple[str, ...] = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._next == "[":
                prefix = self._header()
            else:
                self._pair(prefix)
            self._skip(_BLANK)
        return self._spans

    @property
    def _next(self) -> str:
        return self._text[self._at]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"unexpected {self._text[self._at : self._at + 9]!r} at character {self._at}")
        self._at = match.end()
        return match.group()

    def _key(self) -> tuple[tuple[str, ...], int, int]:
        """Read a dotted key; return its parts and its span."""
        start, parts = self._at, [_part(self._skip(_PART))]
        end = self._at
        self._skip(_SPACE)
        while self._next == ".":
            self._at += 1
            self._skip(_SPACE)
            parts.append(_part(self._skip(_PART)))
            end = self._at
            self._skip(_SPACE)
        return tuple(parts), start, end

    def _header(self) -> tuple[str, ...]:
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        self._skip(_SPACE)
        name, start, end = self._key()
        self._at += brackets
        self._spans.append(KeySpan(name, 0, start, end, section=True))
        return name

    def _pair(self, prefix: tuple[str, ...] | None) -> None:
        """Read a key and its value; a prefix of None: within an array, where keys are not recorded."""
        parts, start, end = self._key()
        # Behind the "=".
        self._at += 1
        self._skip(_SPACE)
        if prefix is None:
            self._value(None)
            return
        name = (*prefix, *parts)
        self._spans.append(KeySpan(name, len(prefix), start, end, section=self._next == "{"))
        self._value(name)

    def _value(self, name: tuple[str, ...] | None) -> None:
        if self._next == "{":
            self._items("}", name)
        elif self._next == "[":
            self._items("]", None)
        elif self._next in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _items(self, closing: str, name: tuple[str, ...] | None) -> None:
        """Read an inline table or an array up to its closing bracket."""
        self._at += 1
        self._skip(_BLANK)
        while self._next != closing:
            if closing == "}":
                self._pair(name)
            else:
                self._value(None)
            self._skip(_BLANK)
            if self._next == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1


def _part(text: str) -> str:
    """Return the part of a key without its quotes; escapes in it stay, which no setting of emgtype has."""
    return text[1:-1] if text[0] in "\"'" else text
