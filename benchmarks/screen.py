"""Provide a screen of its own (Xvfb) with windows that record their input: for tests and measurements of typing."""

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adapters.files.closing import Closing

PATIENCE = 20.0
"""Seconds that a program gets to start, or a window to read."""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition is true, and return its value.

    Raises:
        TimeoutError: It stayed false.
    """
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE:g} s for {what}")
        time.sleep(0.01)
    return value


class Program(Closing):
    """A program that is killed, by its id, when its `with` ends; with `pipe` its output can be read."""

    def __init__(
        self, *command: str, environment: Mapping[str, str], keep: tuple[int, ...] = (), pipe: bool = False
    ) -> None:
        self.process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else None,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """Kill the program."""
        self.process.kill()
        self.process.communicate()


class Screen(Closing):
    """An invisible X server. Use it in a `with`.

    Args:
        folder: Folder for the files of its windows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        reader, writer = os.pipe()
        # Without -noreset it forgets held keys when its last window closes.
        size = ("-screen", "0", "640x480x24", "-noreset")
        self._server = Program(
            "Xvfb", "-displayfd", str(writer), *size, "-nolisten", "tcp", environment=os.environ, keep=(writer,)
        )
        os.close(writer)
        with os.fdopen(reader) as answer:
            if not select.select([answer], [], [], PATIENCE)[0] or not (number := answer.readline().strip()):
                self._server.close()
                raise TimeoutError("Xvfb did not start")
        self.name = f":{number}"
        """What $DISPLAY is for those who are to use it."""
        self._programs: list[Program] = []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of programs that use this screen."""
        variables = {
            name: value for name, value in os.environ.items() if name not in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE")
        }
        return {**variables, "DISPLAY": self.name, "LC_ALL": "C.UTF-8"}

    def display(self) -> Any:
        """Open a connection (Xlib.display.Display), which the caller closes."""
        # Here, since it is an optional library, for Linux.
        from Xlib.display import Display  # noqa: PLC0415

        return Display(self.name)

    def terminal(self, name: str = "recorder") -> "Terminal":
        """Open an xterm, which gets the focus."""
        return Terminal(self, self.folder, name)

    def run(self, *command: str) -> Program:
        """Start a program on this screen."""
        program = Program(*command, environment=self.environment)
        self._programs.append(program)
        return program

    def focus(self, name: str) -> None:
        """Give the focus to the window with this WM_CLASS."""
        from Xlib import X  # noqa: PLC0415

        display = self.display()
        try:

            def viewable() -> Any:
                windows = display.screen().root.query_tree().children
                shown = [w for w in windows if w.get_attributes().map_state == X.IsViewable]
                return next((w for w in shown if name in (w.get_wm_class() or ())), None)

            until(viewable, f"the window {name}").set_input_focus(X.RevertToNone, X.CurrentTime)
            display.sync()
        finally:
            display.close()

    def held(self) -> list[int]:
        """Return the codes of the keys that are down."""
        from adapters.inject.x11.keyboard import keys_down  # noqa: PLC0415

        display = self.display()
        try:
            return keys_down(display)
        finally:
            display.close()

    def close(self) -> None:
        """Kill the windows, then the server."""
        for program in reversed(self._programs):
            program.close()
        self._server.close()


class Terminal:
    """An xterm that writes each byte it gets into a file: characters in UTF-8, a backspace as DEL."""

    def __init__(self, screen: Screen, folder: Path, name: str) -> None:
        self._screen, self._name = screen, name
        self._file = folder / f"{name}.typed"
        self._file.unlink(missing_ok=True)
        record = f"stty raw -echo; : > '{self._file}'; exec cat >> '{self._file}'"
        # A class and name of its own, so that tests can name it; none of the machine's settings.
        screen.run(
            "xterm", "-class", name, "-name", name, "-u8", "-xrm", "*ptyInitialErase: false", "-e", "sh", "-c", record
        )
        until(self._file.exists, "xterm")
        self.focus()

    def focus(self) -> None:
        """Give the focus to this window."""
        self._screen.focus(self._name)

    def raw(self) -> str:
        """Return all bytes that it got."""
        return self._file.read_text(encoding="utf-8")

    def text(self) -> str:
        """Return the text that a line editor would show: each backspace takes one character back, if there is one."""
        shown: list[str] = []
        for character in self.raw():
            if character in "\x7f\b":
                del shown[-1:]
            else:
                shown.append("\n" if character == "\r" else character)
        return "".join(shown)

    def wait_for(self, text: str) -> str:
        """Wait until the text is this, at most for some time, and return the text."""
        with contextlib.suppress(TimeoutError):
            until(lambda: self.text() == text, "the text")
        return self.text()
