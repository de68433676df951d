"""Writes emgtype/demo_text.txt, the text of the demo: the opening of every paragraph of the `test` split.

    python scripts/cut_demo_text.py

It ships with the wheel, so it is kept short: addresses are one paragraph each, of up to 50,000 characters.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from emgtype.texts import load_text  # noqa: E402  (run from a checkout, installed or not)

_LONGEST = 5000  # characters, cut at the end of a sentence


def opening(paragraph: str) -> str:
    """As much of a paragraph as is kept."""
    return paragraph if len(paragraph) <= _LONGEST else paragraph[: paragraph.rindex(". ", 0, _LONGEST) + 1]


def main() -> None:
    """Write the file."""
    path = ROOT / "emgtype" / "demo_text.txt"
    text = "\n".join(opening(paragraph) for paragraph in load_text("test")) + "\n"
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(text)} characters")


if __name__ == "__main__":
    main()
