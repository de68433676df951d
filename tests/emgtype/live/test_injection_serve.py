"""`emgtype serve --inject`: armed, paused, undone and killed while somebody types into a real window."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.wire.control import ask
from adapters.wire.endpoint import control_endpoint
from benchmarks.screen import Screen, Terminal, until
from messages.charset import text_to_labels
from messages.errors import InputError
from messages.text import render


@dataclass
class Served:
    """A daemon that hears somebody type, and the window that it may type into."""

    process: subprocess.Popen[str]
    control: str
    terminal: Terminal

    def figures(self) -> dict[str, Any] | None:
        """Of the key sink; None: it is not there yet."""
        try:
            found: dict[str, Any] = ask(self.control, "status")["people"]["me"]["keys"]
        except InputError:
            return None
        return found

    def armed(self) -> bool:
        return bool((self.figures() or {}).get("armed"))

    def arm(self) -> None:
        until(self.figures, "the daemon")
        ask(self.control, "arm")
        until(self.armed, "the arming")

    def text(self) -> str:
        """The final text so far."""
        told = ask(self.control, "snapshot")["people"]["me"]
        return render(text_to_labels(told["keys"][: len(told["keys"]) - told["tail"]])).replace("\n", "")


@pytest.fixture
def served(environment: dict[str, str], session_file: Path, screen: Screen, tmp_path: Path) -> Iterator[Served]:
    stream, endpoint = f"test-{uuid.uuid4()}", f"ipc://{tmp_path}/text"
    (tmp_path / "keys.toml").write_text(
        '[inject]\narm_delay_s = 0.0\nhotkey = ""\npause_s = 0.03\nshortest_pause_s = 0.03\n'
    )
    terminal = screen.terminal()
    calls = [
        ["serve", "--stream", stream, "--endpoint", endpoint, "--quiet", "--inject", "--config", "keys.toml"],
        ["simulate", "--play", str(session_file), "--stream", stream, "--wait", "60"],
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", *call],
            env={**environment, **screen.environment},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for call in calls
    ]
    try:
        yield Served(processes[0], control_endpoint(endpoint), terminal)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_it_is_armed_paused_and_undone_by_request(served: Served, screen: Screen) -> None:
    terminal = served.terminal
    until(served.figures, "the daemon")
    assert not served.armed()
    ask(served.control, "undo")  # nothing is ours: nothing happens
    served.arm()
    until(lambda: len(terminal.text()) > 4, "some text")
    assert served.text().startswith(terminal.text())
    ask(served.control, "pause")
    until(lambda: not served.armed(), "the end of typing")
    typed = terminal.text()
    ask(served.control, "resume")
    assert not served.armed()  # it has to be armed again
    served.arm()
    until(lambda: len(terminal.text()) > len(typed) + 2, "more text")
    assert terminal.text().startswith(typed)
    ask(served.control, "undo")
    until(lambda: "\x7f" in terminal.raw(), "the undoing")
    ask(served.control, "disarm")
    until(lambda: not served.armed(), "the end of typing")
    assert terminal.text().startswith(typed)  # what it typed before it was armed again stays
    ask(served.control, "shutdown")
    served.process.communicate(timeout=30)
    assert served.process.returncode == 0
    assert screen.held() == []


@pytest.mark.slow
def test_a_killed_daemon_leaves_no_key_held(served: Served, screen: Screen) -> None:
    served.arm()
    until(served.terminal.text, "some text")
    found = Path(f"/proc/{served.process.pid}/task").glob("*/children")
    (child,) = [number for path in found for number in path.read_text().split()]
    served.process.send_signal(signal.SIGKILL)
    served.process.communicate(timeout=30)
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of the key process")
    assert screen.held() == []
