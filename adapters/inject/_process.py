"""The process that holds the keyboard: `python -m adapters.inject._process SETTINGS [--clean]`, a child of the daemon.

It is a process of its own, so that slow windows never delay the decoding, and it is a watchdog: its input is a pipe
from the daemon, and when that pipe ends, however the daemon ended (SIGKILL too), it drops the waiting keys, releases
every key and ends. Both pipes carry one JSON object per line: requests and edits of the text in, notices and states
out.
"""

import json
import math
import os
import queue
import signal
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

from adapters.inject._typer import KeyTyper
from adapters.inject.backends import gone, open_hotkey, open_keyboard
from adapters.inject.settings import SECTION, InjectSettings
from messages.errors import InputError
from messages.tables import build
from messages.text import Key, TextEvent

_LAST_GRACE_S = 5.0
"""Time from the end of the input to the end of this process, whatever hangs."""
_REPEAT_S = 1.0
"""A held key repeats within this time."""
_REPORT_S = 0.2
"""Time between two reports of the state while keys are pressed."""

Inbox = queue.SimpleQueue[dict[str, Any] | None]
"""Messages from any thread; None: the end."""


def encode(event: TextEvent) -> dict[str, Any]:
    """Return the message that carries an edit; confidences are left out."""
    keys = [[key.label, key.time] for key in event.insert]
    times = {"time": event.time, "seq": event.seq}
    return {"do": "text", "erase": event.erase, "insert": keys, "tail": event.tail, **times}


def decode(message: dict[str, Any]) -> TextEvent:
    """Return the edit that a message carries."""
    keys = tuple(Key(label, moment, 1.0) for label, moment in message["insert"])
    return TextEvent(message["erase"], keys, message["tail"], message["time"], message["seq"])


class KeyProcess:
    """The main loop: handles messages, and lets the typer press keys in between.

    Args:
        typer: Types.
        settings: The settings of virtual key presses.
        inbox: Messages from the daemon and the hotkey.
    """

    def __init__(self, typer: KeyTyper, settings: InjectSettings, inbox: Inbox) -> None:
        self._typer = typer
        self._settings = settings
        self._inbox = inbox
        self._toggled = -math.inf
        self._finishing = False
        self._requests = 0
        self._state: dict[str, Any] = {}
        self._reported = 0.0

    def run(self) -> None:
        """Run until the input ends, or until all text is typed after `finish`."""
        due: float | None = time.monotonic()
        while True:
            self._report(idle=due is None or due - time.monotonic() > _REPORT_S / 10)
            try:
                message = self._inbox.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                pass
            else:
                if message is None:
                    break
                self._handle(message)
            wait = self._typer.step()
            due = None if wait is None else time.monotonic() + wait
            if self._finishing and not self._typer.waiting:
                break
        self._report(idle=True)

    def _handle(self, message: dict[str, Any]) -> None:
        do, typer = message["do"], self._typer
        self._requests += do != "text"
        if do == "text":
            typer.push(decode(message))
        elif do == "arm":
            typer.arm(self._settings.arm_delay_s)
        elif do == "disarm":
            typer.disarm()
        elif do == "toggle":
            self._toggle()
        elif do == "undo":
            typer.undo()
        elif do == "change":
            self._settings = build(InjectSettings, message["settings"], SECTION)
            typer.change(self._settings)
        elif do == "finish":
            self._finishing = True

    def _toggle(self) -> None:
        """Handle the hotkey: it always disarms at once, but while it is held, and so repeats, it does not arm again."""
        last, self._toggled = self._toggled, time.monotonic()
        if self._typer.armed:
            self._typer.disarm()
        elif self._toggled - last > _REPEAT_S:
            self._typer.arm()

    def _report(self, *, idle: bool) -> None:
        state, now = {**self._typer.state(), "requests": self._requests}, time.monotonic()
        urgent = any(state[name] != self._state.get(name) for name in ("armed", "arming", "requests"))
        if state != self._state and (idle or urgent or now - self._reported >= _REPORT_S):
            send(state)
            self._state, self._reported = state, now


def send(message: dict[str, Any]) -> None:
    """Send a message to the daemon, if it is still there."""
    try:
        print(json.dumps(message), flush=True)
    except OSError:
        # The daemon has ended: later messages go nowhere.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def main() -> None:
    """Run the process."""
    # A Ctrl-C is for the daemon, whose end ends this process, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = build(InjectSettings, json.loads(sys.argv[1]), SECTION)
        with ExitStack() as stack:
            inbox: Inbox = queue.SimpleQueue()
            if hotkey := open_hotkey(settings, lambda: inbox.put({"do": "toggle"})):
                stack.enter_context(hotkey)
            device, focus = open_keyboard(settings, clean="--clean" in sys.argv)
            typer = KeyTyper(settings, device, focus, lambda sentence: send({"notice": sentence}))
            stack.callback(typer.close)
            signal.signal(signal.SIGTERM, lambda *_: inbox.put(None))
            threading.Thread(target=_read_input, args=(inbox,), daemon=True).start()
            send({"ready": True})
            KeyProcess(typer, settings, inbox).run()
    except InputError as error:
        refusal = str(error)
    except ModuleNotFoundError as error:
        refusal = f"typing needs {error.name}, which is not installed: pip install 'emgtype[inject]'"
    except Exception as error:
        if not gone(error):
            raise
        refusal = "the desktop session that was typed into has ended: nothing is typed any more"
    else:
        return
    send({"refusal": refusal})
    sys.exit(2)


def _read_input(inbox: Inbox) -> None:
    rest = b""
    # Not by sys.stdin: a lock of it that is held here would spoil the interpreter's end.
    while part := os.read(0, 1 << 16):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            inbox.put(json.loads(line))
    inbox.put(None)
    time.sleep(_LAST_GRACE_S)
    os._exit(3)


if __name__ == "__main__":
    main()
