"""The focused window, and the reasons not to type into it now."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FocusedWindow:
    """A window that has the focus."""

    id: int
    """Number of the application's own outermost window."""
    names: tuple[str, ...]
    """Names of the application (WM_CLASS), in lower case."""

    def forbidden(self, patterns: tuple[str, ...]) -> str | None:
        """Return the first name that matches one of the patterns (shell style, any case); None: no name does."""
        return next((n for n in self.names if any(fnmatchcase(n, pattern.lower()) for pattern in patterns)), None)


class Focus(Protocol):
    """The focus of a display that tells programs about it."""

    def window(self) -> FocusedWindow | None:
        """Return the window that has the focus; None: no window has it."""

    def hindrance(self) -> str | None:
        """Return what would turn our keys into other characters, such as a held modifier; None: nothing would."""

    def foreign_input(self) -> bool:
        """Return whether anybody but us has typed or clicked since the last call."""

    def close(self) -> None:
        """Give back the connection to the display."""
