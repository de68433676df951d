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
from adapters.inject.settings import SECTION, InjectSettings
from messages.errors import InputError
from messages.text import TextEvent

_START_S = 20.0
"""Time that the process gets to open its keyboard."""
_END_S = 10.0
"""Time that the process gets to release everything and end; its own watchdog needs less."""
_QUEUED = 20_000
"""Number of messages that may wait for a process that does not read them; beyond it counts as hanging."""
_TRIES = 3
"""Number of processes that may die one after the other before no fresh one is started."""


class _Child:
    """One key process, with its pipes and the threads that serve them.

    Args:
        command: The command line.
        receive: Gets each message of the process, in a thread.
        ended: Gets this object when the process has ended, in a thread.
    """

    def __init__(
        self, command: Sequence[str], receive: Callable[[dict[str, Any]], None], ended: Callable[["_Child"], None]
    ) -> None:
        # A session of its own: a Ctrl-C on the terminal is for the daemon alone.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._outbox: queue.Queue[dict[str, Any] | None] = queue.Queue(_QUEUED)
        self._receive, self._ended = receive, ended
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def send(self, message: dict[str, Any] | None) -> None:
        """Queue a message; None closes the input. Never waits: a process that no longer reads is killed."""
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
        except OSError:
            # The process has died, which the reading thread reports.
            pass

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._receive(json.loads(line))
        self.process.wait()
        self._ended(self)

    def end(self) -> None:
        """Close the process's input and wait; it drops the waiting keys, and releases every key."""
        self.send(None)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def clean_up(self) -> None:
        """End the threads and close the pipes of a process that has ended."""
        self.send(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            # Closing flushes messages that the process had not read.
            with contextlib.suppress(OSError):
                pipe.close()


class KeyInjector(Closing):
    """A sink that presses keys, once `arm` was called. Use it in a `with`.

    Nothing here waits for a window: a process of its own types. If that process dies, a fresh one releases its keys and
    is not armed. However the `with` ends, the waiting keys are dropped (`finish` types them first).

    Args:
        settings: The settings of virtual key presses.
        notify: Gets a sentence about what happens, from any thread; it contains no typed text.

    Raises:
        InputError: There is nothing to press keys on, or a setting does not fit it.
    """

    def __init__(self, settings: InjectSettings, notify: Callable[[str], None]) -> None:
        self._settings = settings
        self._notify = notify
        self._changed = threading.Condition()
        self._state: Mapping[str, Any] = {"armed": False, "arming": False, "pressed": 0, "dropped": {}, "requests": 0}
        self._requests = 0
        self._notice = ""
        self._ready = self._closing = False
        self._refusal: str | None = None
        self._deaths = 0
        self._child = self._start()
        with self._changed:
            answered = self._changed.wait_for(lambda: self._ready or self._refusal is not None, _START_S)
        if not self._ready:
            self.close()
            raise InputError(self._refusal if answered and self._refusal else "the key process did not start in time")

    def _start(self, *arguments: str) -> _Child:
        # -P: modules of the working directory must not replace ours.
        command = [sys.executable, "-P", "-m", "adapters.inject._process", json.dumps(asdict(self._settings))]
        return _Child([*command, *arguments], self._receive, self._ended)

    @property
    def process_id(self) -> int:
        """Process id of the key process."""
        return self._child.process.pid

    def status(self) -> dict[str, Any]:
        """Return the state as plain values.

        `armed`; `arming` (the delay runs); `pressed`, a number of keys; `dropped`, numbers of keys by reason; `said`,
        the last notice.
        """
        with self._changed:
            state = {name: value for name, value in self._state.items() if name != "requests"}
            return {**state, "said": self._notice}

    def push(self, event: TextEvent) -> None:
        """Take an edit of the key sequence; never waits."""
        self._child.send(encode(event))

    def arm(self) -> None:
        """Arm for the window that has the focus after the delay of the settings; type the keys decoded from then on."""
        self._request("arm")

    def await_armed(self) -> None:
        """Wait for the end of that delay.

        Raises:
            InputError: Arming was refused; the sentence says why.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    (self._state["requests"] >= self._requests and not self._state["arming"])
                    or self._refusal is not None
                )
            )
            if not self._state["armed"]:
                raise InputError(self._refusal or self._notice)

    def disarm(self) -> None:
        """Stop typing and drop the keys that wait."""
        self._request("disarm")

    def check(self, settings: InjectSettings) -> None:
        """Check that `change` would take these settings.

        Raises:
            InputError: Another backend, hotkey or layout: those hold as long as the keyboard is open.
        """
        for name in ("backend", "hotkey", "layout"):
            if getattr(settings, name) != getattr(self._settings, name):
                raise InputError(
                    f"{name} = {getattr(settings, name)!r} in {SECTION} cannot change while the daemon runs, where it "
                    f"is {getattr(self._settings, name)!r}: leave it, or start the daemon anew"
                )

    def change(self, settings: InjectSettings) -> None:
        """Type by other settings, once armed again; errors as `check`."""
        self.check(settings)
        if settings != self._settings:
            self._settings = settings
            self._request("change", settings=asdict(settings))

    def undo(self) -> None:
        """Take back the last insertion."""
        self._request("undo")

    def finish(self) -> None:
        """Type the keys that wait, and end the process."""
        self._request("finish")
        self._child.process.wait()

    def _request(self, do: str, **more: Any) -> None:
        with self._changed:
            self._requests += 1
            self._child.send({"do": do, **more})

    def close(self) -> None:
        """Drop the keys that wait, release every key, and end the process."""
        self._closing = True
        child = self._child
        child.end()
        child.clean_up()

    def _receive(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "notice" in message:
                self._notice = message["notice"]
            elif "refusal" in message:
                self._refusal = message["refusal"]
            elif "ready" in message:
                self._ready = True
            else:
                self._state = message
            self._changed.notify_all()
        if "notice" in message:
            self._notify(message["notice"])

    def _ended(self, child: _Child) -> None:
        """Handle the end of the process: if it died, start a fresh one that releases the keys it held."""
        with self._changed:
            code = child.process.returncode
            if not self._ready and self._refusal is None:
                self._refusal = f"the key process ended at its start (exit code {code})"
            expected = self._closing or code == 0 or self._refusal is not None
            self._state = {**self._state, "armed": False, "arming": False, "requests": 0}
            self._requests = 0
            if not expected:
                self._deaths += 1
                restart = self._deaths <= _TRIES
                if restart:
                    self._child = self._start("--clean")
                self._notice = f"the process that types has died (exit code {code}): " + (
                    "its keys are released, and nothing is typed until it is armed again"
                    if restart
                    else "nothing is typed any more"
                )
            self._changed.notify_all()
            # A refusal before the process was ready is raised by the constructor.
            late_refusal = self._refusal if self._ready and self._refusal else ""
            notice = late_refusal if expected else self._notice
        if not expected:
            child.clean_up()
        if notice:
            self._notify(notice)
