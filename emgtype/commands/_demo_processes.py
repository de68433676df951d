"""The demo: bands, daemon and subscriber as processes of their own, joined by nothing but LSL and ZeroMQ."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config
from messages.errors import InputError

_GRACE = 3.0  # seconds for a process to end by itself before it is killed


@dataclass(slots=True)
class Part:
    """One process of the demo; its lines arrive as they are printed."""

    name: str
    process: subprocess.Popen[str]
    lines: "queue.Queue[str]"
    """Lines of standard output and standard error, as they come."""
    readers: Sequence[threading.Thread]
    """What puts them there."""

    def poll_lines(self) -> Iterator[str]:
        """The lines that have come since the last call."""
        while True:
            try:
                yield self.lines.get_nowait()
            except queue.Empty:
                return

    def end(self) -> None:
        """Ask it to end as Ctrl-C would; kill it if it does not. Afterwards all that it said is among the lines."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self.readers:
            reader.join(_GRACE)


def loopback_environment() -> dict[str, str]:
    """The environment for processes whose LSL traffic stays on this machine."""
    return {**os.environ, LSL_CONFIG_VARIABLE: str(loopback_config()), "PYTHONUNBUFFERED": "1"}


@contextmanager
def run_part(name: str, arguments: Sequence[str], module: str = "emgtype.cli") -> Iterator[Part]:
    """Run `emgtype ARGUMENTS`, or another module with them, beside us; it is ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=loopback_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches us alone: we end the parts in order
    )
    lines: queue.Queue[str] = queue.Queue()
    readers = [
        threading.Thread(target=_read, args=(stream, lines), daemon=True)
        for stream in (process.stdout, process.stderr)
        if stream is not None
    ]
    for reader in readers:
        reader.start()
    part = Part(name, process, lines, readers)
    try:
        yield part
    finally:
        part.end()


def _read(stream: IO[str], lines: "queue.Queue[str]") -> None:
    with stream:
        for line in stream:
            lines.put(line.rstrip("\n"))


def check_alive(parts: Sequence[Part]) -> None:
    """Raise InputError, with what it last said, for a part that ended on an error."""
    for part in parts:
        code = part.process.poll()
        if code not in (None, 0):
            said = " ".join(part.poll_lines()).strip()
            raise InputError(f"the demo's {part.name} ended with code {code}: {said or 'it said nothing'}")


def messages(part: Part) -> Iterator[dict[str, Any]]:
    """The JSON messages among a part's new lines."""
    for line in part.poll_lines():
        if line.startswith("{"):
            yield json.loads(line)


def demo_arguments(stream: str, endpoint: str, session: Path, bundle: str) -> dict[str, list[str]]:
    """What each process of the demo is called with, by name."""
    return {
        "simulator": ["simulate", "--play", str(session), "--stream", stream, "--sample-numbers", "--wait", "60"],
        "daemon": [
            "serve",
            "--device",
            "lsl",
            "--stream",
            stream,
            "--endpoint",
            endpoint,
            "--bundle",
            bundle,
            "--json",
        ],
        "subscriber": ["listen", "--endpoint", endpoint, "--json"],
    }
