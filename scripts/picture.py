"""Draw README's picture: a terminal in which `emgtype demo` runs, taken in the middle of the typing.

    python scripts/picture.py docs/demo.svg

The demo runs in a pseudo-terminal of fixed size, as it would for a person, and redraws its screen many times. The
picture is the first full screen whose newest keys may still change. The typist is simulated from a seed, so two runs
differ only by the delays of a busy machine. rich makes the SVG, which loads nothing from the network.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ("emgtype", "demo")
_COLUMNS, _ROWS = 66, 24
_TYPED = 120
"""Characters of the truth on the screen of the picture, at least: it is full after two thirds of the session."""
_TAIL = 4
"""Characters of the tail, which may still change, that the picture shows at least."""
_REDRAW = re.compile(r"\r?\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
"""The cursor goes back to the first line of the screen, and each line is erased."""
_WEB_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def screens() -> Iterator[str]:
    """Run the demo in a pseudo-terminal, and yield each screen that it draws, with its escape sequences.

    Raises:
        CalledProcessError: The demo failed.
    """
    controller, terminal = pty.openpty()
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "COLORTERM": "",
        "COLUMNS": str(_COLUMNS),
        "LINES": str(_ROWS),
    }
    call = [sys.executable, "-m", "emgtype.cli", *COMMAND[1:]]
    with subprocess.Popen(call, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as demo:
        os.close(terminal)
        output = bytearray()
        with os.fdopen(controller, "rb", buffering=0) as screen:
            try:
                while piece := screen.read(65536):
                    output += piece
            except OSError:
                # Linux says so where the last program on the terminal has ended.
                pass
    if demo.returncode:
        raise subprocess.CalledProcessError(demo.returncode, call, output)
    yield from _REDRAW.split(output.decode())


def sides(screen: Text) -> tuple[str, str, int]:
    """Return the typed text, the decoded text, and how many characters of the latter may still change."""
    typed, _, decoded = screen.plain.partition("\ndecoded (dim: may still change)\n")
    dim = sum(span.end - span.start for span in screen.spans if "dim" in str(span.style))
    return typed.removeprefix("typed\n"), decoded, dim


def chosen() -> Text:
    """Return the screen of the picture.

    Raises:
        LookupError: The demo drew no such screen.
    """
    for drawn in screens():
        screen = Text.from_ansi(drawn.replace("\r\n", "\n").rstrip())
        typed, decoded, dim = sides(screen)
        if len(typed) >= _TYPED and dim >= _TAIL and decoded:
            return screen
    raise LookupError(f"the demo never showed {_TYPED} typed characters and {_TAIL} decoded ones that may change")


def draw(screen: Text, path: Path) -> None:
    """Write the picture: the command as a person types it, and the screen below."""
    with tempfile.TemporaryFile("w") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text(f"$ {' '.join(COMMAND)}\n", style="bold"))
        console.print(screen)
        svg = console.export_svg(title="two simulated wristbands, decoded live", unique_id="demo")
    # Without its fonts, which a reader's browser would fetch from elsewhere.
    path.write_text(_WEB_FONTS.sub("", svg), encoding="utf-8")


def main() -> None:
    """Draw the picture into the file that the command line names."""
    path = Path(sys.argv[1])
    draw(chosen(), path)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
