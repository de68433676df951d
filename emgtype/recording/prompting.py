"""Texts shown one by one to be typed: the truth of a recording where there is no keyboard."""

from collections.abc import Callable, Sequence
from pathlib import Path

from messages.errors import InputError
from messages.typed import Prompt, prompt_labels

_LOOK = 1.0  # seconds to read a line before one begins to type
_WORD = 5  # characters, as typing speed is counted everywhere


def read_prompts(path: Path) -> list[str]:
    """The lines of a text file that hold something to type.

    Raises:
        InputError: No such file, no text, or a line without a key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the prompts {path} cannot be read ({error}): name a text file, a prompt a line") from None
    if not lines:
        raise InputError(f"the prompts {path} hold no text: expected a prompt a line")
    for number, line in enumerate(lines, 1):
        if len(prompt_labels(line)) < 2:  # its Enter
            raise InputError(
                f"line {number} of the prompts {path} is {line!r}, which has no key: expected text to type"
            )
    return lines


class Prompter:
    """Shows one text after the other, and notes from when to when.

    A text that is not typed to its end is no truth, and is not noted.

    Args:
        texts: What to type.
        note: Gets each prompt that is done.
        speed: Words a minute at which the texts follow each other by themselves; None: `advance` is called.
    """

    def __init__(self, texts: Sequence[str], note: Callable[[Prompt], None], speed: float | None = None) -> None:
        self._texts = texts
        self._note = note
        self._speed = speed
        self._began: float | None = None
        self.done = 0
        """Prompts that were typed."""

    @property
    def total(self) -> int:
        """All prompts."""
        return len(self._texts)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to type."""
        return self.done == len(self._texts)

    @property
    def text(self) -> str:
        """What is to be typed now; empty where nothing is left."""
        return "" if self.finished else self._texts[self.done]

    @property
    def following(self) -> str:
        """What comes then; empty where nothing does."""
        return self._texts[self.done + 1] if self.done + 1 < self.total else ""

    def attend(self, time: float) -> None:
        """It is `time` (s): the first text is shown, or one is over whose time is up."""
        if self._began is None:
            self._began = time
        elif self._speed and not self.finished and time - self._began >= self._seconds(self.text):
            self.advance(time)

    def advance(self, time: float) -> None:
        """The text is typed, at `time` (s): the next one is shown."""
        if self.finished or self._began is None:
            return
        self._note(Prompt(self.text, self._began, time))
        self.done += 1
        self._began = time

    def _seconds(self, text: str) -> float:
        keys = len(prompt_labels(text))
        return _LOOK + 60 * keys / _WORD / (self._speed or 1)
