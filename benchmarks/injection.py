"""Measure how fast text is typed into a window on X11, and the delay of a key from the text event to the window.

Uses a screen of its own (Xvfb), and a window that records each key press. Fast: all text at once, at the pace that the
window keeps up with; it answers pings at once, or late, as a busy program does. Live: a key now and then, from its
event to the window, with the key process and its pipe between them.

    python -m benchmarks.injection
    python -m benchmarks.injection --keys 2000 --json injection.json
"""

import os
import queue
import select
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

from adapters.inject.sink import KeyInjector
from benchmarks.results import command_line, publish, spread
from benchmarks.screen import PATIENCE, Screen
from emgtype.config import load_config
from messages.charset import text_to_labels
from messages.text import Key, TextEvent

_TEXT = "The quick brown fox jumps over the lazy dog; 42 times. "
_LATENCIES = (0.0, 0.01, 0.05)
"""Seconds that the window takes to read each key."""


class Recorder:
    """A window that records the time of each key press, and answers a ping once it has read the keys before it."""

    def __init__(self, screen: Screen, busy: float) -> None:
        # Here, since it is an optional library, for Linux.
        from Xlib import X, Xatom  # noqa: PLC0415

        self._x, self._busy = X, busy
        self._display: Any = screen.display()
        self._root = self._display.screen().root
        self.window = self._root.create_window(0, 0, 100, 100, 0, X.CopyFromParent, event_mask=X.KeyPressMask)
        self.window.set_wm_class("recorder", "recorder")
        self._protocols, ping = (self._display.intern_atom(name) for name in ("WM_PROTOCOLS", "_NET_WM_PING"))
        self.window.change_property(self._protocols, Xatom.ATOM, 32, [ping])
        self.window.map()
        self._display.sync()
        self.times: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._end.is_set():
            if not self._display.pending_events() and not select.select([self._display], [], [], 0.05)[0]:
                continue
            for _ in range(self._display.pending_events()):
                event = self._display.next_event()
                # 50 and 62 are the two Shift keys.
                if event.type == self._x.KeyPress and event.detail not in (50, 62):
                    time.sleep(self._busy)
                    self.times.put(time.monotonic())
                elif event.type == self._x.ClientMessage and event.client_type == self._protocols:
                    # The answer to a ping is the same message, sent to the root window.
                    event.window = self._root
                    self._root.send_event(event, event_mask=self._x.SubstructureNotifyMask)
                    self._display.flush()

    def take(self, keys: int) -> list[float]:
        """Return the times of the next keys."""
        return [self.times.get(timeout=PATIENCE) for _ in range(keys)]

    def close(self) -> None:
        """Close the window."""
        self._end.set()
        self._thread.join()
        self._display.close()


@contextmanager
def window(busy: float) -> Iterator[tuple[Recorder, KeyInjector]]:
    """Open a window that has the focus, and a key sink that is armed for it."""
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder, Screen(Path(folder)) as screen:
        os.environ.update(screen.environment)
        recorder = Recorder(screen, busy)
        try:
            screen.focus("recorder")
            settings = replace(load_config().inject, arm_delay_s=0.0, hotkey="")
            with KeyInjector(settings, lambda _: None) as sink:
                sink.arm()
                sink.await_armed()
                yield recorder, sink
        finally:
            recorder.close()


def event(text: str, seq: int) -> TextEvent:
    """Return an event of final keys."""
    return TextEvent(0, tuple(Key(label, seq + 1.0, 1.0) for label in text_to_labels(text)), 0, seq + 1.0, seq)


def fast(keys: int, busy: float) -> float:
    """Return the characters per second of a long text."""
    text = (_TEXT * (keys // len(_TEXT) + 1))[:keys]
    with window(busy) as (recorder, sink):
        began = time.monotonic()
        sink.push(event(text, 0))
        ended = recorder.take(keys)[-1]
    return keys / (ended - began)


def live(keys: int, pause: float) -> Sequence[float]:
    """Return milliseconds from each key's event to the window."""
    delays = []
    with window(0.0) as (recorder, sink):
        for number in range(keys):
            began = time.monotonic()
            sink.push(event(_TEXT[number % len(_TEXT)], number))
            (came,) = recorder.take(1)
            delays.append(1e3 * (came - began))
            time.sleep(pause)
    return delays


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--keys", type=int, default=500, help="of each measurement")
    options = parser.parse_args()
    speeds = {busy: fast(options.keys, busy) for busy in _LATENCIES}
    delays = spread(live(options.keys, 0.05))
    rates = Table("the window reads a key in", title="All text at once")
    rates.add_column("characters per second", justify="right")
    for busy, speed in speeds.items():
        rates.add_row(f"{1e3 * busy:.0f} ms", f"{speed:.0f}")
    table = Table(*(str(name) for name in delays), title="From a text event to the window, ms")
    table.add_row(*(f"{value:.2f}" if name != "n" else str(int(value)) for name, value in delays.items()))
    figures = {
        "characters_per_second": {str(busy): speed for busy, speed in speeds.items()},
        "event_to_window_ms": delays,
    }
    publish(options, [rates, table], figures)


if __name__ == "__main__":
    main()
