"""Find the command lines in the pages of documentation."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^\s*(```|~~~)")
_INLINE = re.compile(r"`([^`]+)`")
_SHELL_OPERATORS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"})


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line as a page shows it."""

    page: Path
    line: int
    """Line of the page, from 1; of an inline command that wraps: where its code begins."""
    words: tuple[str, ...]
    """The program and its arguments, without comments and without the signs for "optional" and "more"."""
    complete: bool
    """To be copied as it stands: in a fenced block, or first in the row of a table. Other inline code may be a part."""

    def __str__(self) -> str:
        """As editors open it, with the command."""
        return f"{self.page.relative_to(ROOT)}:{self.line}: {' '.join(self.words)}"


def command_lines(page: Path) -> Iterator[CommandLine]:
    """Yield every command line of a page that starts with one of the project's programs."""
    prose: list[str] = []
    fenced = False
    for number, text in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if _FENCE.match(text):
            fenced = not fenced
            prose.append("")
        elif fenced:
            prose.append("")
            yield from _parsed(page, number, text, complete=True)
        else:
            prose.append(text)
    # Code may wrap at the end of a line, but not at the end of a paragraph.
    joined = "\n".join(prose)
    for paragraph in re.finditer(r"(?:.+\n?)+", joined):
        for code in _INLINE.finditer(paragraph[0]):
            number = joined.count("\n", 0, paragraph.start() + code.start()) + 1
            in_table = re.search(r"(^|\n)\| *$", paragraph[0][: code.start()]) is not None
            yield from _parsed(page, number, code[1].replace("\n", " "), complete=in_table)


def _parsed(page: Path, number: int, text: str, *, complete: bool) -> Iterator[CommandLine]:
    """Yield the command of a line of shell, if it is one of ours."""
    program = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?(emgtype|python -m|make|scripts/\S+)(?=\s|$)", text)
    if not program:
        return
    try:
        words = shlex.split(text.removeprefix("$ "), comments=True)
    except ValueError as error:
        raise ValueError(f"{page.relative_to(ROOT)}:{number}: {error}: {text}") from None
    yield CommandLine(page, number, tuple(_plain(words)), complete)


def _plain(words: list[str]) -> Iterator[str]:
    """Yield the words up to the next program of the line, without the notation of optional and repeated arguments."""
    for word in words:
        if word in _SHELL_OPERATORS or word.startswith(("$(", ">")):
            return
        plain = word.removeprefix(".venv/bin/").strip("[]").removesuffix("...").removesuffix("…").strip("[]")
        if plain:
            yield plain.split("|")[0]
