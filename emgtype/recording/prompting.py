"""Prompts: texts shown one by one to be typed, which are the truth of a recording made without a keyboard."""

from collections.abc import Callable, Sequence
from pathlib import Path

from messages.errors import InputError
from messages.typed import Prompt, prompt_labels

_READING_S = 1.0
"""Seconds to read a line before typing begins."""
_WORD_KEYS = 5
"""Keys per word, by which typing speed is counted everywhere."""


def read_prompts(path: Path) -> list[str]:
    """Return the lines of a text file that hold something to type, without spaces around them.

    Raises:
        InputError: There is no such file, it holds no text, or a line holds no key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the prompts {path} cannot be read ({error}): name a text file with one prompt in each line"
        ) from None
    if not lines:
        raise InputError(f"the prompts {path} hold no text: expected one prompt in each line")
    for number, line in enumerate(lines, 1):
        # One label is that of Enter, which ends each prompt.
        if len(prompt_labels(line)) < 2:
            raise InputError(
                f"line {number} of the prompts {path} is {line!r}, which has no key: expected text to type"
            )
    return lines


class Prompter:
    """Shows one text after the other, and records from when to when each was shown.

    A text that was not typed to its end is not the truth of anything, and is not recorded.

    Args:
        texts: Texts to type.
        record: Gets each prompt that was typed.
        speed: Words a minute at which the texts follow each other by themselves; None: `advance` is called.
    """

    def __init__(self, texts: Sequence[str], record: Callable[[Prompt], None], speed: float | None = None) -> None:
        self._texts = texts
        self._record = record
        self._speed = speed
        self._shown_at: float | None = None
        self.done = 0
        """Number of prompts that were typed."""

    @property
    def total(self) -> int:
        """Number of all prompts."""
        return len(self._texts)

    @property
    def finished(self) -> bool:
        """Whether all prompts were typed."""
        return self.done == len(self._texts)

    @property
    def text(self) -> str:
        """Text to type now; empty at the end."""
        return "" if self.finished else self._texts[self.done]

    @property
    def next_text(self) -> str:
        """Text to type after this one; empty where this is the last."""
        return self._texts[self.done + 1] if self.done + 1 < self.total else ""

    def update(self, time: float) -> None:
        """Let the time pass: show the first text, or at a set speed the next one once it is due.

        Args:
            time: Seconds on the clock of the samples.
        """
        if self._shown_at is None:
            self._shown_at = time
        elif self._speed and not self.finished and time - self._shown_at >= self._seconds(self.text):
            self.advance(time)

    def advance(self, time: float) -> None:
        """Record the text as typed at `time` (s), and show the next one."""
        if self.finished or self._shown_at is None:
            return
        self._record(Prompt(self.text, self._shown_at, time))
        self.done += 1
        self._shown_at = time

    def _seconds(self, text: str) -> float:
        """Return the seconds that a text is shown at the set speed."""
        keys = len(prompt_labels(text))
        return _READING_S + 60 * keys / _WORD_KEYS / (self._speed or 1)
