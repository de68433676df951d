import socket
from pathlib import Path

import pytest

from adapters.host.systemd import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_notified_of_start_life_and_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"@emgtype-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    now = 100.0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        with ServiceManager(lambda: now) as manager:
            manager.ready()
            manager.status("decoding")
            for _ in range(9):
                manager.alive()
                now += 0.5
        heard = [systemd.recv(100).decode() for _ in range(6)]
        assert heard == ["READY=1", "STATUS=decoding", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with ServiceManager() as manager:
        manager.ready()
        manager.alive()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    # A socket that is gone is no reason to stop typing.
    with ServiceManager() as manager:
        manager.ready()
