"""Text on a terminal: final text plain, the tail that may still change dimmed."""

import sys

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from adapters.files.closing import Closing
from messages.charset import BACKSPACE, ENTER, LABELS, SHIFT, labels_to_text
from messages.text import TextEvent, render

_BACKSPACE, _ENTER, _SHIFT = LABELS[BACKSPACE], LABELS[ENTER], LABELS[SHIFT]
_LONGEST = 4000  # keys of a line; one that never ends is broken here, so that memory stays bounded


class LiveLines(Closing):
    """The unfinished lines at the foot of a terminal, one a person, redrawn as they change. Use it in a `with`.

    Args:
        console: Where to; on anything but a terminal nothing is shown.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: dict[str, Text] = {}
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            # Notes on the same terminal go above the lines; those that go into a file stay out of it.
            self._live = Live(console=console, auto_refresh=False, redirect_stderr=sys.stderr.isatty())
            self._live.start()

    @property
    def redrawn(self) -> bool:
        """Whether lines are shown before they are finished."""
        return self._live is not None

    def show(self, prefix: str, line: Text, *, refresh: bool = True) -> None:
        """Somebody's line as it stands, behind what marks it as theirs."""
        self._lines[prefix] = line
        if self._live:
            # What does not fit the screen would be cut at its end, where the newest text is.
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
        """Leave what is shown as it stands."""
        if self._live:
            self._live.update(self._all())
            self._live.stop()
            self._live = None


class ConsoleSink(Closing):
    """Shows text events. Use it in a `with`.

    On a terminal the current line is redrawn and finished lines scroll away. Elsewhere (a pipe, a file) a line is
    printed when its enter is final, and what is left at the end. A ⌫ at the start of a line has nothing to take
    back: what has scrolled away stays.

    Args:
        console: Where to.
        raw: Show every key (⌫ ⇧ too) instead of the text they make.
        name: Whose text it is, put before each line where several people's share the console.
        lines: Of the same console, where several people's lines are redrawn; they stay open when this is closed.
    """

    def __init__(self, console: Console, *, raw: bool = False, name: str = "", lines: LiveLines | None = None) -> None:
        self._console = console
        self._raw = raw
        self._prefix = f"{name}: " if name else ""
        self._final: list[int] = []
        self._tail: list[int] = []
        self._lines = lines or LiveLines(console)
        self._own = lines is None
        self._lines.show(self._prefix, Text(), refresh=False)

    def push(self, event: TextEvent) -> None:
        """Show an edit. One that takes back more than is shown (messages were lost) takes back what there is."""
        if event.erase:
            del self._tail[-event.erase :]
        self._tail += [key.label for key in event.insert]
        settled = max(0, len(self._tail) - event.tail)
        for label in self._tail[:settled]:
            self._settle(label)
        del self._tail[:settled]
        if self._lines.redrawn:
            self._lines.show(self._prefix, self._line())

    def _settle(self, label: int) -> None:
        if label == _BACKSPACE and not self._raw:
            del self._final[-1:]
            return
        if label == _SHIFT and not self._raw:
            return  # shows nothing: a ⌫ after it takes back the character before
        self._final.append(label)
        if label == _ENTER or len(self._final) >= _LONGEST:
            self._print(self._final)
            self._final = []

    def _print(self, labels: list[int]) -> None:
        # As Text: in a plain string rich would turn a typed :smile: into an emoji.
        for line in self._text(labels).removesuffix("\n").split("\n"):
            self._console.print(Text(self._prefix + line), soft_wrap=True)

    def _line(self) -> Text:
        final, whole = self._text(self._final), self._text([*self._final, *self._tail])
        same = 0
        while same < min(len(final), len(whole)) and final[same] == whole[same]:
            same += 1  # a ⌫ of the tail may take back what is final on the screen only when it is final itself
        line = Text(whole[:same])
        line.append(whole[same:], style="dim")
        return line

    def _text(self, labels: list[int]) -> str:
        return labels_to_text(labels).replace(ENTER, ENTER + "\n") if self._raw else render(labels)

    def close(self) -> None:
        """Leave what is shown as it stands; elsewhere than on a terminal print what is left of the last line."""
        if self._lines.redrawn:
            self._lines.show(self._prefix, self._line())
        elif self._final or self._tail:
            self._print([*self._final, *self._tail])
        if self._own:
            self._lines.close()
        self._final, self._tail = [], []
