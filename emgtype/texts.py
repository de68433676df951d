"""Texts to be typed, from files or from the package: one paragraph per line, plain or gzip."""

import gzip
from pathlib import Path

from emgtype.places import PACKAGE
from messages.errors import InputError
from simulator.text import SPLITS, split

ENGLISH = "data/english.txt.gz"


def read_paragraphs(path: Path) -> list[str]:
    """Return the lines of a text file that are not blank.

    Raises:
        InputError: The file cannot be read, or has no such line.
    """
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
    """Return paragraphs by name: a file's path, "demo" (the demo's text), or a split of the checkout's English text.

    Raises:
        InputError: A file that cannot be read or holds no text, or a split without a checkout.
    """
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
