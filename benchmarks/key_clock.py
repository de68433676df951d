"""How right the times of recorded keys are: pressed at known moments (XTEST), as `emgtype record --keys` stamps them.

On a screen of its own (Xvfb), with the other cores busy or not. A real keyboard adds what its wire and the kernel take.

    python -m benchmarks.key_clock
    python -m benchmarks.key_clock --keys 2000 --busy 4
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
from pylsl import local_clock
from rich.table import Table

from benchmarks.results import command_line, publish, spread
from benchmarks.screen import Screen, until
from messages.typed import Keystroke

_BURN = "while True: pass"


def measure(keys: int, busy: int) -> tuple[list[float], list[float]]:
    """Milliseconds from press to stamp, and from press to when this process heard of it."""
    from Xlib import XK, X  # noqa: PLC0415  # an optional library, for Linux
    from Xlib.ext import xtest  # noqa: PLC0415

    from adapters.keyboard._listen_x11 import X11Listener  # noqa: PLC0415
    from adapters.keyboard.keystrokes import KeyLog  # noqa: PLC0415

    stamped: list[float] = []
    heard: list[float] = []

    def note(stroke: Keystroke) -> None:
        if stroke.end == stroke.start:  # a press
            stamped.append(stroke.start)
            heard.append(local_clock())

    pressed = []
    with ExitStack() as stack:
        screen = stack.enter_context(Screen(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        stack.enter_context(patch.dict(os.environ, screen.environment))
        stack.enter_context(X11Listener(KeyLog(note), local_clock))
        display = screen.display()
        code = display.keysym_to_keycode(XK.XK_a)
        for _ in range(busy):
            burning = subprocess.Popen([sys.executable, "-c", _BURN])
            stack.callback(burning.wait)
            stack.callback(burning.kill)
        chance = np.random.default_rng(0)
        for number in range(keys):
            time.sleep(chance.uniform(0.01, 0.03))
            pressed.append(local_clock())
            xtest.fake_input(display, X.KeyPress, code)
            display.sync()
            time.sleep(0.01)
            xtest.fake_input(display, X.KeyRelease, code)
            display.sync()
            until(lambda number=number: len(stamped) > number, "the key")  # type: ignore[misc]
        display.close()
    truth = np.array(pressed)
    return (1e3 * (np.array(stamped) - truth)).tolist(), (1e3 * (np.array(heard) - truth)).tolist()


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--busy", type=int, default=0, help="processes that want a core each meanwhile")
    options = parser.parse_args()
    stamped, heard = measure(options.keys, options.busy)
    table = Table("", "p50, ms", "p95, ms", "max, ms", title=f"{options.keys} keys, {options.busy} others busy")
    figures = {"the time that is recorded": spread(stamped), "when this process heard of it": spread(heard)}
    for name, found in figures.items():
        table.add_row(name, *(f"{found[column]:.2f}" for column in ("p50", "p95", "max")))
    publish(options, [table], figures)


if __name__ == "__main__":
    main()
