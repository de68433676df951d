import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

from adapters.wire.curve import CertificateFolder

FOLDER = Path(__file__).parents[2] / "clients" / "javascript"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "zeromq").is_dir(), reason=f"zeromq is not there: npm ci --prefix {FOLDER}"
    ),
]


@contextmanager
def example(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(NODE), str(FOLDER / "listen.mjs"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def beat_until_it_says(daemon: Any, process: subprocess.Popen[str], line: str) -> None:
    """Send heartbeats until the subscription has arrived, which ZeroMQ does in its own time."""
    assert process.stdout
    poller = zmq.Poller()
    poller.register(process.stdout.fileno(), zmq.POLLIN)
    while not poller.poll(50):
        daemon.beat()
    assert process.stdout.readline() == line


def test_it_joins_late_and_follows_a_restarted_daemon(daemon: Any) -> None:
    with ExitStack() as stack:
        with daemon() as running:
            running.type("hello⏎wor", tail=1)
            process = stack.enter_context(example(running.endpoint, "ann"))
            assert process.stdout
            assert process.stdout.readline() == "hello\n"
            running.type("x⌫⏎", erase=1)
            beat_until_it_says(running, process, "wo\n")
        with daemon() as running:
            running.type("anew⏎")
            beat_until_it_says(running, process, "anew\n")


def test_with_a_certificate(daemon: Any, tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path / "keys")
    file = folder.new("js")
    with daemon(endpoint="tcp://127.0.0.1:0", control=f"ipc://{tmp_path}/control", certificates=folder) as running:
        running.type("secret⏎")
        with example(running.endpoint, "ann", file, running.control) as process:
            assert process.stdout
            assert process.stdout.readline() == "secret\n"
