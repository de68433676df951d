"""The process that holds the keyboard: `python -m adapters.inject._process SETTINGS [--clean]`, a child of the daemon.

One of its own, so that slow windows never delay the decoding, and a watchdog: its input is a pipe from the daemon, and
when that ends, however the daemon ended (SIGKILL too), it drops what waits, releases every key and ends. Both ways one
JSON object a line goes: requests and edits of the text in, sentences and states out.
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

from adapters.inject._typist import Typist
from adapters.inject.backends import gone, open_hotkey, open_keyboard
from adapters.inject.settings import KeySettings
from messages.errors import InputError
from messages.tables import build
from messages.text import Key, TextEvent

_LAST_GRACE = 5.0  # seconds from the end of the input to the end of this process, whatever hangs
_REPEATED = 1.0  # seconds: keyboards repeat a held key after less
_REPORT = 0.2  # seconds between two states that are told while keys are pressed

Inbox = queue.SimpleQueue[dict[str, Any] | None]
"""Messages from any thread; None: the end."""


def encode(event: TextEvent) -> dict[str, Any]:
    """An edit as a message."""
    keys = [[key.label, key.time] for key in event.insert]
    times = {"time": event.time, "seq": event.seq}
    return {"do": "text", "erase": event.erase, "insert": keys, "tail": event.tail, **times}


def decode(message: dict[str, Any]) -> TextEvent:
    """The edit of a message."""
    keys = tuple(Key(label, moment, 1.0) for label, moment in message["insert"])
    return TextEvent(message["erase"], keys, message["tail"], message["time"], message["seq"])


class KeyProcess:
    """Takes messages, and steps the typist in between."""

    def __init__(self, typist: Typist, settings: KeySettings, inbox: Inbox) -> None:
        self._typist = typist
        self._settings = settings
        self._inbox = inbox
        self._toggled = -math.inf
        self._finishing = False
        self._heard = 0
        self._state: dict[str, Any] = {}
        self._reported = 0.0

    def run(self) -> None:
        """Until the end, or until all is typed after `finish`."""
        due: float | None = time.monotonic()
        while True:
            self._report(idle=due is None or due - time.monotonic() > _REPORT / 10)
            try:
                message = self._inbox.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                pass
            else:
                if message is None:
                    break
                self._handle(message)
            wait = self._typist.step()
            due = None if wait is None else time.monotonic() + wait
            if self._finishing and not self._typist.waiting:
                break
        self._report(idle=True)

    def _handle(self, message: dict[str, Any]) -> None:
        do, typist = message["do"], self._typist
        self._heard += do != "text"
        if do == "text":
            typist.push(decode(message))
        elif do == "arm":
            typist.arm(self._settings.arm_delay_s)
        elif do == "disarm":
            typist.disarm()
        elif do == "toggle":
            self._toggle()
        elif do == "undo":
            typist.undo()
        elif do == "change":
            self._settings = build(KeySettings, message["settings"], "[inject]")
            typist.change(self._settings)
        elif do == "finish":
            self._finishing = True

    def _toggle(self) -> None:
        """The hotkey: always disarms at once; one that is held, and so repeated, does not arm again."""
        last, self._toggled = self._toggled, time.monotonic()
        if self._typist.armed:
            self._typist.disarm()
        elif self._toggled - last > _REPEATED:
            self._typist.arm()

    def _report(self, *, idle: bool) -> None:
        state, now = {**self._typist.state(), "heard": self._heard}, time.monotonic()
        news = any(state[name] != self._state.get(name) for name in ("armed", "arming", "heard"))
        if state != self._state and (idle or news or now - self._reported >= _REPORT):
            say(state)
            self._state, self._reported = state, now


def say(message: dict[str, Any]) -> None:
    """A line to the daemon, if it is there."""
    try:
        print(json.dumps(message), flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # nobody listens any more


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's; its end is ours
    try:
        settings = build(KeySettings, json.loads(sys.argv[1]), "[inject]")
        with ExitStack() as stack:
            queued: Inbox = queue.SimpleQueue()
            if hotkey := open_hotkey(settings, lambda: queued.put({"do": "toggle"})):
                stack.enter_context(hotkey)
            device, focus = open_keyboard(settings, clean="--clean" in sys.argv)
            typist = Typist(settings, device, focus, lambda sentence: say({"said": sentence}))
            stack.callback(typist.close)
            signal.signal(signal.SIGTERM, lambda *_: queued.put(None))
            threading.Thread(target=_listen, args=(queued,), daemon=True).start()
            say({"ready": True})
            KeyProcess(typist, settings, queued).run()
    except InputError as error:
        refused = str(error)
    except ModuleNotFoundError as error:
        refused = f"typing needs {error.name}, which is not installed: pip install 'emgtype[inject]'"
    except Exception as error:
        if not gone(error):
            raise
        refused = "the desktop session that was typed into has ended: nothing is typed any more"
    else:
        return
    say({"refused": refused})
    sys.exit(2)


def _listen(inbox: Inbox) -> None:
    rest = b""
    while part := os.read(0, 1 << 16):  # not by sys.stdin: its lock, held here, would spoil the interpreter's end
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            inbox.put(json.loads(line))
    inbox.put(None)
    time.sleep(_LAST_GRACE)
    os._exit(3)


if __name__ == "__main__":
    main()
