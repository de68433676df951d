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

_GRACE_S = 3.0
"""Seconds for a process to end by itself before it is killed."""


@dataclass(slots=True)
class Part:
    """One process of the demo."""

    name: str
    process: subprocess.Popen[str]
    lines: "queue.Queue[str]"
    """Its lines of standard output and standard error, as it prints them."""
    readers: Sequence[threading.Thread]
    """Threads that put the lines there."""

    def poll_lines(self) -> Iterator[str]:
        """Yield the lines printed since the last call."""
        while True:
            try:
                yield self.lines.get_nowait()
            except queue.Empty:
                return

    def end(self) -> None:
        """End the process as Ctrl-C would, or kill it; afterwards all of its output is among the lines."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self.readers:
            reader.join(_GRACE_S)


def loopback_environment() -> dict[str, str]:
    """Return an environment for processes whose LSL traffic stays on this machine."""
    return {**os.environ, LSL_CONFIG_VARIABLE: str(loopback_config()), "PYTHONUNBUFFERED": "1"}


@contextmanager
def run_part(name: str, arguments: Sequence[str], module: str = "emgtype.cli") -> Iterator[Part]:
    """Run `emgtype ARGUMENTS`, or another module, in a process that ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=loopback_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A session of its own: Ctrl-C reaches the demo alone, which ends its parts in order.
        start_new_session=True,
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
    """Raise InputError, with its last output, for a part that ended on an error."""
    for part in parts:
        code = part.process.poll()
        if code not in (None, 0):
            output = " ".join(part.poll_lines()).strip()
            raise InputError(f"the demo's {part.name} ended with code {code}: {output or 'it printed nothing'}")


def messages(part: Part) -> Iterator[dict[str, Any]]:
    """Yield the JSON messages among a part's new lines."""
    for line in part.poll_lines():
        if line.startswith("{"):
            yield json.loads(line)


def demo_arguments(stream: str, endpoint: str, session: Path, bundle: str) -> dict[str, list[str]]:
    """Return the arguments of each process of the demo, by its name."""
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
