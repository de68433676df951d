"""Who would get the keys, and whether somebody's hands are on the keyboard."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Place:
    """A window that has the focus."""

    window: int
    """Of the application: the outermost one that is its own."""
    names: tuple[str, ...]
    """What it calls itself (WM_CLASS), in lower case."""

    def forbidden(self, patterns: tuple[str, ...]) -> str | None:
        """Its name that one of the patterns (shell style, any case) is for."""
        return next((n for n in self.names if any(fnmatchcase(n, pattern.lower()) for pattern in patterns)), None)


class Focus(Protocol):
    """Who gets the keys; of a display that tells."""

    def place(self) -> Place | None:
        """The window that has the focus; None: none has."""

    def hindrance(self) -> str | None:
        """What would make other characters of our keys than we mean."""

    def foreign(self) -> bool:
        """Whether anybody but us has typed or clicked since this was last asked."""

    def close(self) -> None:
        """Give back what is held."""
