"""Text on a terminal: final text plain, the tail that may still change dimmed."""

import sys
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from adapters.files.closing import Closing
from messages.charset import ENTER, LABELS, labels_to_text
from messages.text import KeySequence, TextEvent, render, type_key

_ENTER = LABELS[ENTER]
_LONGEST = 4000
"""Number of keys after which a line that never ends is broken, so that memory stays bounded."""


class LiveLines(Closing):
    """The unfinished lines at the foot of a terminal, one per person, redrawn as they change. Use it in a `with`.

    Args:
        console: Output; nothing is redrawn on anything but a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: dict[str, Text] = {}
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            # Messages on the same terminal go above the lines; messages to a file stay out of it.
            self._live = Live(console=console, auto_refresh=False, redirect_stderr=sys.stderr.isatty())
            self._live.start()

    @property
    def redrawn(self) -> bool:
        """True if lines are shown before they are finished."""
        return self._live is not None

    def show(self, prefix: str, line: Text, *, refresh: bool = True) -> None:
        """Replace the line of the person that `prefix` names."""
        self._lines[prefix] = line
        if self._live:
            # Rich would cut a line that is too long for the screen at its end, where the newest text is.
            rows = max(1, self._console.height // 2 // len(self._lines))
            self._live.update(self._all(rows * self._console.width), refresh=refresh)

    def _all(self, longest: int | None = None) -> Group:
        return Group(
            *(
                Text(prefix).append_text(line[-max(1, longest - len(prefix)) :] if longest else line)
                for prefix, line in self._lines.items()
            )
        )

    def close(self) -> None:
        """Stop redrawing and leave the lines on the terminal."""
        if self._live:
            self._live.update(self._all())
            self._live.stop()
            self._live = None


class ConsoleSink(Closing):
    """Shows text events. Use it in a `with`.

    On a terminal the current line is redrawn and finished lines scroll away. In a pipe or a file a line is printed when
    its enter is final, and the unfinished line at the end. A ⌫ at the start of a line removes nothing, since the line
    before it has scrolled away.

    Args:
        console: Output.
        raw: Show every key, ⌫ and ⇧ too, instead of the text that the keys make.
        name: Name of the person, put before each line where several people share the console.
        lines: Redrawn lines of several people on the same console; they stay open when this sink is closed.
    """

    def __init__(self, console: Console, *, raw: bool = False, name: str = "", lines: LiveLines | None = None) -> None:
        self._console = console
        self._raw = raw
        self._prefix = f"{name}: " if name else ""
        self._keys = KeySequence(keep=0)
        # Labels of the current line that are final.
        self._final: list[int] = []
        self._lines = lines or LiveLines(console)
        self._owns_lines = lines is None
        self._lines.show(self._prefix, Text(), refresh=False)

    def push(self, event: TextEvent) -> None:
        """Show an edit; after lost messages, one that takes back too much takes back only what may still change."""
        for key in self._keys.apply(event.erase, event.insert, event.tail):
            self._apply_final(key.label)
        if self._lines.redrawn:
            self._lines.show(self._prefix, self._line())

    def _apply_final(self, label: int) -> None:
        if self._raw:
            self._final.append(label)
        else:
            type_key(self._final, label, label)
        if label == _ENTER or len(self._final) >= _LONGEST:
            self._print(self._final)
            self._final = []

    def _print(self, labels: Iterable[int]) -> None:
        for line in self._text(labels).removesuffix("\n").split("\n"):
            # As Text, since rich would turn a typed :smile: in a plain string into an emoji.
            self._console.print(Text(self._prefix + line), soft_wrap=True)

    def _line(self) -> Text:
        """Return the current line with its changeable end dimmed."""
        final, whole = self._text(self._final), self._text(self._labels())
        # Plain as far as the final text and the whole text agree: a ⌫ in the tail may hide final characters.
        common = 0
        while common < min(len(final), len(whole)) and final[common] == whole[common]:
            common += 1
        line = Text(whole[:common])
        line.append(whole[common:], style="dim")
        return line

    def _labels(self) -> list[int]:
        """Return all labels of the current line, the tail included."""
        return [*self._final, *(key.label for key in self._keys.tail)]

    def _text(self, labels: Iterable[int]) -> str:
        return labels_to_text(labels).replace(ENTER, ENTER + "\n") if self._raw else render(labels)

    def close(self) -> None:
        """Leave the line on the terminal; in a pipe or a file print the unfinished line."""
        labels = self._labels()
        if self._lines.redrawn:
            self._lines.show(self._prefix, self._line())
        elif labels:
            self._print(labels)
        if self._owns_lines:
            self._lines.close()
        self._final, self._keys = [], KeySequence(keep=0)
