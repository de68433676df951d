"""Measure the error of the times that `emgtype record --keys` gives to keys pressed at known moments (XTEST).

On a screen of its own (Xvfb), with the other cores busy or not. A real keyboard adds the time of its wire and of the
kernel.

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
    """Return milliseconds from press to stamp, and from press to the callback in this process."""
    # Here, since it is an optional library, for Linux.
    from Xlib import XK, X  # noqa: PLC0415
    from Xlib.ext import xtest  # noqa: PLC0415

    from adapters.keyboard._listen_x11 import X11Listener  # noqa: PLC0415
    from adapters.keyboard.keystrokes import KeyLog  # noqa: PLC0415

    stamps: list[float] = []
    callbacks: list[float] = []

    def note(stroke: Keystroke) -> None:
        # A press is reported at once, and once more with its release.
        if stroke.end == stroke.start:
            stamps.append(stroke.start)
            callbacks.append(local_clock())

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
            until(lambda number=number: len(stamps) > number, "the key")  # type: ignore[misc]
        display.close()
    truth = np.array(pressed)
    return (1e3 * (np.array(stamps) - truth)).tolist(), (1e3 * (np.array(callbacks) - truth)).tolist()


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--busy", type=int, default=0, help="processes that each keep a core busy meanwhile")
    options = parser.parse_args()
    stamps, callbacks = measure(options.keys, options.busy)
    table = Table("", "p50, ms", "p95, ms", "max, ms", title=f"{options.keys} keys, {options.busy} others busy")
    figures = {"the recorded time": spread(stamps), "the callback in this process": spread(callbacks)}
    for name, figure in figures.items():
        table.add_row(name, *(f"{figure[column]:.2f}" for column in ("p50", "p95", "max")))
    publish(options, [table], figures)


if __name__ == "__main__":
    main()
