"""Texts to be typed, from files or from what ships: one paragraph a line, plain or gzip."""

import gzip
from pathlib import Path

from emgtype.places import PACKAGE
from messages.errors import InputError
from simulator.text import SPLITS, split

ENGLISH = "data/english.txt.gz"


def read_paragraphs(path: Path) -> list[str]:
    """The lines of a text file that hold something; raises InputError where it cannot be read or holds nothing."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = [line.strip() for line in data.decode("utf-8").splitlines()]
    except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise InputError(
            f"cannot read text from {path}: {error}; name a UTF-8 text file, one paragraph a line"
        ) from None
    paragraphs = [line for line in lines if line]
    if not paragraphs:
        raise InputError(f"{path} holds no text: name a file with one paragraph a line")
    return paragraphs


def load_text(name: str) -> list[str]:
    """Paragraphs by name: a file's path; "demo", the text of the demo; or a split of the English text in a checkout."""
    if name == "demo":
        return read_paragraphs(PACKAGE.find("demo_text.txt"))
    if name in SPLITS:
        try:
            return split(read_paragraphs(PACKAGE.find(ENGLISH)))[name]
        except FileNotFoundError:
            raise InputError(
                f"the split {name!r} is cut from {ENGLISH}, which only a checkout has: name a text file"
            ) from None
    return read_paragraphs(Path(name))
