"""Writes emgtype/demo_text.txt, the text of the demo: the beginning of every paragraph of the `test` split.

    python scripts/cut_demo_text.py

The wheel contains the text, so it must be short: an address is one paragraph of up to 50,000 characters.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from emgtype.texts import load_text  # noqa: E402  (run from a checkout, installed or not)

_LONGEST = 5000
"""Most characters of a paragraph, which is cut at the end of a sentence."""


def opening(paragraph: str) -> str:
    """Return the beginning of a paragraph."""
    return paragraph if len(paragraph) <= _LONGEST else paragraph[: paragraph.rindex(". ", 0, _LONGEST) + 1]


def main() -> None:
    """Write the file."""
    path = ROOT / "emgtype" / "demo_text.txt"
    text = "\n".join(opening(paragraph) for paragraph in load_text("test")) + "\n"
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(text)} characters")


if __name__ == "__main__":
    main()
