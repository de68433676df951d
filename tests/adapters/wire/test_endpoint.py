import socket
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.wire.control import ControlSocket
from adapters.wire.endpoint import check_endpoint, default_endpoint
from adapters.wire.publisher import PubSocket, open_publisher
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError


def test_the_default_is_a_directory_that_only_its_owner_can_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_endpoint() == f"ipc://{tmp_path}/emgtype/text"
    assert stat.S_IMODE((tmp_path / "emgtype").stat().st_mode) == 0o700
    (tmp_path / "emgtype").chmod(0o755)
    with pytest.raises(InputError, match="has mode 755"):
        default_endpoint()


def test_without_a_runtime_directory_it_is_still_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Path(default_endpoint().removeprefix("ipc://")).parent
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("base", ["missing", "relative"])
def test_a_missing_runtime_directory_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / base) if base == "missing" else base)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert Path(default_endpoint().removeprefix("ipc://")).parent.parent == tmp_path


def test_a_file_in_place_of_the_directory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "emgtype").touch()
    with pytest.raises(InputError, match="cannot make the directory"):
        default_endpoint()


def test_a_socket_in_an_open_directory_is_still_the_users_own(tmp_path: Path) -> None:
    with open_publisher(f"ipc://{tmp_path}/text", "s", "ann"):
        assert stat.S_IMODE((tmp_path / "text").stat().st_mode) == 0o600


def test_a_live_socket_is_refused_and_a_stale_one_taken_over(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/text"
    with open_publisher(endpoint, "s", "ann"), pytest.raises(InputError, match="is in use"):
        PubSocket(endpoint)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "stale"))
    # Left behind: nobody listens.
    assert (tmp_path / "stale").is_socket()
    with (
        open_publisher(f"ipc://{tmp_path}/stale", "s", "bob") as publisher,
        Subscriber(publisher.endpoint) as subscriber,
    ):
        while subscriber.receive(0.02) is None:
            publisher.heartbeat()


def test_a_file_is_never_overwritten_by_a_socket(tmp_path: Path) -> None:
    precious = tmp_path / "notes.txt"
    precious.write_text("mine")
    with pytest.raises(InputError, match="is no socket"):
        PubSocket(f"ipc://{precious}")
    assert precious.read_text() == "mine"


def test_a_live_socket_too_busy_to_answer_is_not_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(tmp_path / "text"))
        busy.listen(0)
        # The queue is full now.
        waiting.connect(str(tmp_path / "text"))
        with pytest.raises(InputError, match="in use"):
            PubSocket(f"ipc://{tmp_path}/text")


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with open_publisher("tcp://127.0.0.1:0", "s", "ann") as publisher, pytest.raises(InputError, match="in use"):
        PubSocket(publisher.endpoint)


@pytest.mark.parametrize(
    ("endpoint", "because"),
    [
        ("tcp://0.0.0.0:5757", "whoever asks"),
        ("tcp://*:5757", "whoever asks"),
        ("tcp://192.168.1.2:5757", "whoever asks"),
        ("udp://127.0.0.1:1", "ipc://PATH"),
        ("nonsense", "ipc://PATH"),
        ("tcp://127.0.0.1:99999", "no usable port"),
        ("tcp://127.0.0.1:-1", "no usable port"),
        ("tcp://127.0.0.1", "no usable port"),
        ("tcp://[::1", "ipc://PATH"),
        ("ipc://@abstract", "keep others out"),
        ("ipc://*", "keep others out"),
        ("ipc:///none/of/this/text", "cannot publish"),
    ],
)
def test_endpoints_that_are_refused(endpoint: str, because: str) -> None:
    with pytest.raises(InputError, match=because):
        PubSocket(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        f"tcp://{host}:5757"
        for host in (
            *(
                "*",
                "0.0.0.0",
                "0",
                "00.0.0.0",
                "0x0",
                "127.0.0.2",
                "10.0.0.1",
                "255.255.255.255",
                "127.0.0.1.",
                "127.1",
            ),
            *("[::]", "[::0]", "[0:0:0:0:0:0:0:0]", "[::ffff:0.0.0.0]", "[fe80::1%eth0]", "[::1]%eth0", "::", "::1"),
            *("eth0", "lo", "wlan0", "myhost", "myhost.local", "localhost.example.org", "localhost.", "LOCALHOST"),
            *(
                "127.0.0.1;*",
                "127.0.0.1@*",
                "*@127.0.0.1",
                "127.0.0.1:5757,*",
                "127.0.0.1 *",
                " 127.0.0.1",
                "",
                "*:1;127.0.0.1",
            ),
            *("127.0.0.1/*", "127.0.0.1#", "127.0.0.1?", "127.0.0.1\n*", "１２７.0.0.1", "127。0。0。1"),
        )
    ]
    + [
        "tcp:/127.0.0.1:5757",
        "TCP://127.0.0.1:5757",
        " tcp://127.0.0.1:5757",
        "tcp://127.0.0.1:5757 ",
        "tcp://127.0.0.1:+5",
    ]
    + [
        "tcp://127.0.0.1:٥٧",
        "ws://*:5757",
        "udp://127.0.0.1:1",
        "pgm://eth0;239.1.1.1:5",
        "inproc://x",
        "vmci://*:1",
        "5757",
    ],
)
def test_no_spelling_makes_a_socket_public_without_certificates(endpoint: str) -> None:
    with pytest.raises(InputError):
        check_endpoint(endpoint)
    for kind in (PubSocket, ControlSocket):
        with pytest.raises(InputError):
            kind(endpoint)


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "[::]", "192.168.1.2", "myhost.local", "eth0"])
def test_with_certificates_every_address_may_be_bound(host: str) -> None:
    check_endpoint(f"tcp://{host}:5757", encrypted=True)
    with pytest.raises(InputError, match="no usable port"):
        check_endpoint(f"tcp://{host}:70000", encrypted=True)
    with pytest.raises(InputError, match="ipc://PATH"):
        check_endpoint(f"udp://{host}:5757", encrypted=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_loopback_socket_notes_that_every_local_user_can_connect(host: str, tmp_path: Path) -> None:
    try:
        with PubSocket(f"tcp://{host}:*") as at:
            assert "open to every user of this machine" in at.note
            assert at.endpoint.startswith(("tcp://127.0.0.1:", "tcp://[::1]:"))
    except InputError:
        # Some machines have no IPv6.
        assert host == "[::1]"
    with PubSocket(f"ipc://{tmp_path}/text") as at:
        assert at.note == ""


_BINDS = """
import sys
from adapters.wire.publisher import PubSocket
from messages.errors import InputError
print("ready", flush=True)
input()
try:
    with PubSocket(sys.argv[1]):
        print("bound", flush=True)
        input()
except InputError as error:
    print(error, flush=True)
"""


def test_one_of_several_daemons_that_start_at_once_gets_the_socket(tmp_path: Path) -> None:
    call = [sys.executable, "-c", _BINDS, f"ipc://{tmp_path}/text"]
    with ExitStack() as stack:
        tried = [
            stack.enter_context(subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(4)
        ]
        pipes = [(process.stdin, process.stdout) for process in tried if process.stdin and process.stdout]
        assert [out.readline() for _, out in pipes] == ["ready\n"] * 4
        for go, _ in pipes:
            go.write("\n")
            go.flush()
        said = [out.readline() for _, out in pipes]
        assert said.count("bound\n") == 1
        assert sum("is in use" in line for line in said) == 3
        assert (tmp_path / "text.lock").exists()
        for process in tried:
            process.communicate("\n")
    assert not (tmp_path / "text.lock").exists()


def test_the_lock_of_a_killed_daemon_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "text.lock").touch()
    with PubSocket(f"ipc://{tmp_path}/text"), pytest.raises(InputError, match="in use"):
        PubSocket(f"ipc://{tmp_path}/text")
    (tmp_path / "text.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="cannot publish"):
        PubSocket(f"ipc://{tmp_path}/text")
    assert not (tmp_path / "elsewhere").exists()
