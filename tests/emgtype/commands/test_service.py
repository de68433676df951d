"""The daemon under a service manager: its unit, what it tells, its metrics and its health."""

import json
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_unit_is_one_that_systemd_understands(emgtype: Run, tmp_path: Path) -> None:
    done = emgtype("service", "print", "--", "--stream", "my bands", "--person", "a$b%c")
    assert done.returncode == 0, done.stderr
    unit = tmp_path / "emgtype.service"
    unit.write_text(done.stdout)
    (command,) = [line for line in done.stdout.splitlines() if line.startswith("ExecStart=")]
    assert command.startswith(f"ExecStart={sys.executable} ")
    assert command.endswith("serve --quiet --stream 'my bands' --person 'a$$b%%c'")
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--recursive-errors=no", str(unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "emgtype.service" not in checked.stderr


def test_install_writes_it_once(emgtype: Run, environment: dict[str, str]) -> None:
    unit = Path(environment["HOME"], ".config/systemd/user/emgtype.service")
    assert emgtype("service", "install", "--", "--stream", "a").returncode == 0
    assert "--stream a" in unit.read_text()
    done = emgtype("service", "install", "--", "--stream", "b")
    assert done.returncode == 2
    assert "exists already: add --force" in done.stderr
    assert emgtype("service", "install", "--force", "--", "--stream", "b").returncode == 0
    assert "--stream b" in unit.read_text()


@pytest.mark.slow
def test_a_daemon_tells_that_it_is_ready_and_alive_and_how_it_fares(
    environment: dict[str, str], session_file: Path, tmp_path: Path, emgtype: Run
) -> None:
    name, endpoint = f"test-{uuid.uuid4()}", f"ipc://{tmp_path}/text"
    notify, port = tmp_path / "notify", _free_port()
    (tmp_path / "config.toml").write_text(f'[metrics]\nendpoint = "127.0.0.1:{port}"\n')
    calls = [
        ["serve", "--stream", name, "--endpoint", endpoint, "--quiet", "--log", "json"],
        ["simulate", "--play", str(session_file), "--stream", name, "--wait", "60"],
    ]
    assert emgtype("health", "--endpoint", endpoint).returncode == 2
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(notify))
        systemd.settimeout(60)
        told = {"NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "200000"}
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "emgtype.cli", *call],
                env={**environment, **told},
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                text=True,
            )
            for call in calls
        ]
        try:
            assert systemd.recv(100) == b"READY=1"
            assert {systemd.recv(100) for _ in range(3)} == {b"WATCHDOG=1"}
            time.sleep(1.5)  # a heartbeat: figures are as old as the last one
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                assert b'emgtype_state{person="me",state="decoding"} 1.0' in answer.read()
            healthy = emgtype("health", "--endpoint", endpoint)
            assert (healthy.returncode, healthy.stdout[:14]) == (0, "me: decoding, "), healthy.stderr
            processes[1].kill()  # the bands fall silent; and systemd does not read, which must hold up nothing
            end = time.monotonic() + 30
            while emgtype("health", "--endpoint", endpoint).returncode != 1:
                assert time.monotonic() < end
            time.sleep(2)  # until the text is settled, which is told
            processes[0].terminate()
            said = processes[0].communicate(timeout=30)[1].splitlines()
            lines = [json.loads(line) for line in said if line.startswith("{")]
            assert all(set(line) == {"time", "level", "said"} for line in lines)
            assert [line["level"] for line in lines if line["said"].startswith("no samples")] == ["warning"]
        finally:
            for process in processes:
                process.kill()
                process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("endpoint", ["0.0.0.0:9464", "9464"])
def test_metrics_for_everybody_are_refused(emgtype: Run, tmp_path: Path, endpoint: str) -> None:
    (tmp_path / "config.toml").write_text(f'[metrics]\nendpoint = "{endpoint}"\n')
    done = emgtype("serve", "--stream", "nobody", "--endpoint", f"ipc://{tmp_path}/text")
    assert done.returncode == 2
    assert "expected a loopback address" in done.stderr
