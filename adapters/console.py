"""Text on a terminal: final text plain, the tail that may still change dimmed."""

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from adapters.closing import Closing
from decoder.charset import BACKSPACE, ENTER, LABELS, SHIFT, labels_to_text
from decoder.messages import TextEvent
from decoder.render import render

_BACKSPACE, _ENTER, _SHIFT = LABELS[BACKSPACE], LABELS[ENTER], LABELS[SHIFT]
_LONGEST = 4000  # keys of a line; one that never ends is broken here, so that memory stays bounded


class ConsoleSink(Closing):
    """Shows text events. Use it in a `with`.

    On a terminal the current line is redrawn and finished lines scroll away. Elsewhere (a pipe, a file) a line is
    printed when its enter is final, and what is left at the end. A ⌫ at the start of a line has nothing to take
    back: what has scrolled away stays.

    Args:
        console: Where to.
        raw: Show every key (⌫ ⇧ too) instead of the text they make.
        name: Whose text it is, put before each line, where several people's share the console; none is redrawn then.
    """

    def __init__(self, console: Console, *, raw: bool = False, name: str = "") -> None:
        self._console = console
        self._raw = raw
        self._prefix = f"{name}: " if name else ""
        self._final: list[int] = []
        self._tail: list[int] = []
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal and not name:
            # Notes on the same terminal go above the line; those that go into a file stay out of it.
            self._live = Live(console=console, auto_refresh=False, redirect_stderr=sys.stderr.isatty())
        if self._live:
            self._live.start()

    def push(self, event: TextEvent) -> None:
        """Show an edit. One that takes back more than is shown (messages were lost) takes back what there is."""
        if event.erase:
            del self._tail[-event.erase :]
        self._tail += [key.label for key in event.insert]
        settled = max(0, len(self._tail) - event.tail)
        for label in self._tail[:settled]:
            self._settle(label)
        del self._tail[:settled]
        if self._live:
            # What does not fit the screen would be cut at its end, where the newest text is.
            fitting = self._console.width * max(1, self._console.height // 2)
            self._live.update(self._line()[-fitting:], refresh=True)

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
        if self._live:
            self._live.update(self._line())
            self._live.stop()
            self._live = None
        elif self._final or self._tail:
            self._print([*self._final, *self._tail])
        self._final, self._tail = [], []
