"""Types text events into the focused window: the daemon's end of the key process."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adapters.files.closing import Closing
from adapters.inject._process import encode
from adapters.inject.settings import KeySettings
from messages.errors import InputError
from messages.text import TextEvent

_START = 20.0  # seconds for the process to have its keyboard
_END = 10.0  # seconds for it to release everything and end; its own watchdog needs less
_QUEUED = 20_000  # messages for a process that does not read: it hangs
_TRIES = 3  # processes that may die in a run before no fresh one is started


class _Child:
    """One key process, its pipes and the threads that serve them."""

    def __init__(
        self, command: Sequence[str], hear: Callable[[dict[str, Any]], None], ended: Callable[["_Child"], None]
    ) -> None:
        # A session of its own: a Ctrl-C on the terminal is for the daemon alone.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._outbox: queue.Queue[dict[str, Any] | None] = queue.Queue(_QUEUED)
        self._hear, self._ended = hear, ended
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def send(self, message: dict[str, Any] | None) -> None:
        """Never waits; one that takes nothing any more is killed, and that is told like any other death."""
        try:
            self._outbox.put_nowait(message)
        except queue.Full:
            self.process.kill()

    def _write(self) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        try:
            while (message := self._outbox.get()) is not None:
                pipe.write(json.dumps(message).encode() + b"\n")
                if self._outbox.empty():
                    pipe.flush()
            pipe.close()
        except OSError:  # it has died: the reader tells
            pass

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._hear(json.loads(line))
        self.process.wait()
        self._ended(self)

    def end(self) -> None:
        """Close its input and wait; it drops what waits, and releases every key."""
        self.send(None)
        try:
            self.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def give_back(self) -> None:
        """After its end: threads and pipes."""
        self.send(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what it had not read
                pipe.close()


class KeySink(Closing):
    """A sink that presses keys, once `arm` was called. Use it in a `with`.

    Nothing here waits for a window: a process of its own types. If that dies, its keys are released by a fresh one,
    which is not armed. However the `with` ends, what waits is dropped (`finish` types it first).

    Args:
        settings: Of [inject].
        tell: Gets a sentence about what happens, from any thread; no typed text is in it.

    Raises:
        InputError: There is nothing to press keys on, or a setting is not for it.
    """

    def __init__(self, settings: KeySettings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._changed = threading.Condition()
        self._state: Mapping[str, Any] = {"armed": False, "arming": False, "pressed": 0, "dropped": {}, "heard": 0}
        self._asked = 0
        self._said = ""
        self._ready = self._closing = False
        self._refused: str | None = None
        self._deaths = 0
        self._child = self._start()
        with self._changed:
            answered = self._changed.wait_for(lambda: self._ready or self._refused is not None, _START)
        if not self._ready:
            self.close()
            raise InputError(self._refused if answered and self._refused else "the key process did not start in time")

    def _start(self, *arguments: str) -> _Child:
        # -P: the working directory's modules are not ours.
        command = [
            sys.executable,
            "-P",
            "-m",
            "adapters.inject._process",
            json.dumps(asdict(self._settings)),
            *arguments,
        ]
        return _Child(command, self._hear, self._ended)

    @property
    def process_id(self) -> int:
        """Of the key process."""
        return self._child.process.pid

    def status(self) -> dict[str, Any]:
        """armed; arming (the delay runs); pressed keys; dropped, by reason; said: the last sentence told."""
        with self._changed:
            state = {name: value for name, value in self._state.items() if name != "heard"}
            return {**state, "said": self._said}

    def push(self, event: TextEvent) -> None:
        """Take an edit of the key sequence; never waits."""
        self._child.send(encode(event))

    def arm(self) -> None:
        """Type what is heard from now on into the window that has the focus after the delay of the settings."""
        self._ask("arm")

    def await_armed(self) -> None:
        """Wait for the end of that delay.

        Raises:
            InputError: It was refused; says why.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (self._state["heard"] >= self._asked and not self._state["arming"]) or self._refused is not None
            )
            if not self._state["armed"]:
                raise InputError(self._refused or self._said)

    def disarm(self) -> None:
        """Type nothing more; what waits is dropped."""
        self._ask("disarm")

    def check(self, settings: KeySettings) -> None:
        """Whether `change` takes these.

        Raises:
            InputError: Another backend, hotkey or layout: those hold as long as the keyboard is open.
        """
        for name in ("backend", "hotkey", "layout"):
            if getattr(settings, name) != getattr(self._settings, name):
                raise InputError(
                    f"{name} = {getattr(settings, name)!r} in [inject] cannot change while the daemon runs, where it is "
                    f"{getattr(self._settings, name)!r}: leave it, or start the daemon anew"
                )

    def change(self, settings: KeySettings) -> None:
        """Type by other settings, once armed again; errors as `check`."""
        self.check(settings)
        if settings != self._settings:
            self._settings = settings
            self._ask("change", settings=asdict(settings))

    def undo(self) -> None:
        """Take back the last insertion."""
        self._ask("undo")

    def finish(self) -> None:
        """Type what waits, and end."""
        self._ask("finish")
        self._child.process.wait()

    def _ask(self, do: str, **more: Any) -> None:
        with self._changed:
            self._asked += 1
            self._child.send({"do": do, **more})

    def close(self) -> None:
        """Drop what waits, release every key, and end."""
        self._closing = True
        child = self._child
        child.end()
        child.give_back()

    def _hear(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "said" in message:
                self._said = message["said"]
            elif "refused" in message:
                self._refused = message["refused"]
            elif "ready" in message:
                self._ready = True
            else:
                self._state = message
            self._changed.notify_all()
        if "said" in message:
            self._tell(message["said"])

    def _ended(self, child: _Child) -> None:
        """The process has ended: as it was asked to, or it died, and a fresh one has to release what it held."""
        with self._changed:
            code = child.process.returncode
            if not self._ready and self._refused is None:
                self._refused = f"the key process ended at its start (exit code {code})"
            ours = self._closing or code == 0 or self._refused is not None
            self._state = {**self._state, "armed": False, "arming": False, "heard": 0}
            self._asked = 0
            if not ours:
                self._deaths += 1
                fresh = self._deaths <= _TRIES
                if fresh:
                    self._child = self._start("--clean")
                self._said = f"the process that types has died (exit code {code}): " + (
                    "its keys are released, and nothing is typed until it is armed again"
                    if fresh
                    else "nothing is typed any more"
                )
            self._changed.notify_all()
            news = self._refused if self._ready and self._refused else "" if ours else self._said
        if not ours:
            child.give_back()
        if news:
            self._tell(news)
