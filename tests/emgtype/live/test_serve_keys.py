"""The daemon as a process that lets in only those whose keys it knows, and one that every local user can read."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.format import LAYOUT
from adapters.wire.curve import load_client_certificate
from adapters.wire.format import Heartbeat
from adapters.wire.subscriber import Subscriber
from emgtype_client import NoAnswerError, connect

Run = Callable[..., subprocess.CompletedProcess[str]]


@contextmanager
def serving(environment: dict[str, str], folder: Path, settings: str) -> Iterator["subprocess.Popen[str]"]:
    """`emgtype serve` with wristbands that send nothing: its heartbeats are enough here."""
    (folder / "config.toml").write_text(settings)
    name = f"test-{uuid.uuid4()}"
    with LSLOutlet(name, LAYOUT, name):
        process = subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", "serve", "--stream", name, "--quiet"],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def test_only_clients_with_a_certificate_are_served(environment: dict[str, str], emgtype: Run, tmp_path: Path) -> None:
    file = Path(emgtype("certificates", "new", "reader").stdout.partition(":")[0])
    endpoint = f"ipc://{tmp_path}/text"
    settings = f'[publish]\nendpoint = "{endpoint}"\ncurve = true\nencoding = "msgpack"\nheartbeat_s = 0.05\n'
    with (
        serving(environment, tmp_path, settings),
        Subscriber(endpoint, certificate=load_client_certificate(file)) as known,
        Subscriber(endpoint) as unknown,
    ):
        assert isinstance(known.receive(60), Heartbeat)
        assert known.receive(5) is not None
        assert unknown.receive(0.3) is None
        with connect(endpoint, keys=file) as client:
            assert client.text == ""
        with pytest.raises(NoAnswerError):
            connect(endpoint, timeout=0.2)
        done = emgtype("control", "status")  # by the daemon's own keys
        assert done.returncode == 0, done.stderr
        done = emgtype("listen", "--json", "--topic", "heartbeat", "--seconds", "1", "--certificate", file)
        assert '"topic": "heartbeat"' in done.stdout


def test_a_port_that_every_local_user_can_read_is_warned_of(environment: dict[str, str], tmp_path: Path) -> None:
    settings = f'[publish]\nendpoint = "tcp://127.0.0.1:*"\ncontrol = "ipc://{tmp_path}/control"\n'
    with serving(environment, tmp_path, settings) as process:
        assert process.stderr
        while "open to every user of this machine" not in (line := process.stderr.readline()):
            assert line
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.wait(30)
