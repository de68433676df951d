import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.wire.control import LONGEST, ControlSocket, ask
from messages.errors import InputError


class Log:
    """Answers requests and keeps them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []

    def __call__(self, do: str, person: str | None, arg: str | None) -> Mapping[str, Any]:
        if do == "nonsense":
            raise InputError("not known")
        self.asked.append((do, person, arg))
        return {"did": do}


@contextmanager
def daemon(endpoint: str, log: Log) -> Iterator[str]:
    """A control socket that is attended to in a loop, as the daemon does."""
    over = threading.Event()
    with ControlSocket(endpoint) as control:

        def loop() -> None:
            while not over.wait(0.002):
                control.attend(log)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield control.endpoint
        finally:
            over.set()
            thread.join()


def send(endpoint: str, *parts: bytes) -> dict[str, Any]:
    context = zmq.Context()
    with context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(endpoint)
        socket.send_multipart(parts)
        assert socket.poll(5000)
        reply: dict[str, Any] = json.loads(socket.recv())
    context.term()
    return reply


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Log]]:
    log = Log()
    with daemon(f"ipc://{tmp_path_factory.mktemp('run')}/control", log) as endpoint:
        yield endpoint, log


def test_a_request_is_answered(running: tuple[str, Log]) -> None:
    endpoint, log = running
    assert ask(endpoint, "status") == {"v": 1, "ok": True, "did": "status"}
    assert ask(endpoint, "pause", "ann")["did"] == "pause"
    assert ask(endpoint, "reload", "ann", "demo")["did"] == "reload"
    assert log.asked[-3:] == [("status", None, None), ("pause", "ann", None), ("reload", "ann", "demo")]
    with pytest.raises(InputError, match="not known"):
        ask(endpoint, "nonsense")


def test_only_its_owner_may_ask(tmp_path: Path) -> None:
    with daemon(f"ipc://{tmp_path}/control", Log()):
        assert (tmp_path / "control").stat().st_mode & 0o077 == 0
        with pytest.raises(InputError, match="is in use"):
            ControlSocket(f"ipc://{tmp_path}/control")
    with pytest.raises(InputError, match="loopback"):
        ControlSocket("tcp://0.0.0.0:5758")


def test_no_answer_is_an_error_soon(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody answers"):
        ask(f"ipc://{tmp_path}/absent", "status", timeout=0.1)


def test_a_repeated_request_does_nothing(running: tuple[str, Log]) -> None:
    endpoint, log = running
    request = json.dumps({"v": 1, "do": "reset", "id": "r1"}).encode()
    assert send(endpoint, request)["ok"]
    count = len(log.asked)
    again = send(endpoint, request)
    assert (again["ok"], len(log.asked)) == (False, count)
    assert "was done before" in again["error"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((b"",), "no JSON"),
        ((b"pause",), "no JSON"),
        ((b"[" * 3000,), "no JSON"),
        ((b"[]",), "not of version 1"),
        ((b'{"a":' * 800,), "no JSON"),
        ((b'{"v": 1, "do": ' + b"[" * 1500 + b"]" * 1500 + b"}",), "no JSON"),
        ((b'{"v": ' + b"9" * 4000 + b"}",), "not of version 1"),
        ((b'{"v": 1, "do": "pause"}\0',), "no JSON"),
        # A request in msgpack.
        ((b"\x82\xa1v\x01\xa2do\xa5pause",), "no JSON"),
        ((b"x",) * 1000, "1000 parts"),
        ((b'{"do": "pause"}',), "not of version 1"),
        ((b'{"v": 2, "do": "pause"}',), "not of version 1"),
        ((b'{"v": 1}',), "do must be there"),
        ((b'{"v": 1, "do": ""}',), "not empty"),
        ((b'{"v": 1, "do": 3}',), "must be texts"),
        ((b'{"v": 1, "do": "pause", "person": 3}',), "must be texts"),
        ((b'{"v": 1, "do": "pause", "who": "ann"}',), "has the fields who"),
        ((b'{"v": 1, "do": "pause", "id": []}',), "must be texts"),
        ((b'{"v": 1, "do": "reload", "arg": ["demo"]}',), "must be texts"),
        ((b'{"v": 1, "do": "reload", "arg": ""}',), "not empty"),
        ((b'{"v": 1, ', b'"do": "pause"}'), "2 parts"),
        ((b'{"v": 1, "do": "pause", "id": "' + b"x" * LONGEST + b'"}',), "at most 4096"),
    ],
)
def test_a_broken_request_is_refused_and_does_nothing(
    running: tuple[str, Log], parts: tuple[bytes, ...], message: str
) -> None:
    endpoint, log = running
    count = len(log.asked)
    reply = send(endpoint, *parts)
    assert not reply["ok"]
    assert message in reply["error"]
    assert len(log.asked) == count
    # The daemon goes on.
    assert ask(endpoint, "status")["ok"]


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["v", "do", "person", "arg", "id", "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)
requests = st.fixed_dictionaries(
    {"v": st.just(1), "do": st.text(min_size=1, max_size=5)},
    optional={"person": values, "arg": values, "id": st.sampled_from(["one", "two", ""]) | values},
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.binary(max_size=300) | (values | requests).map(lambda value: json.dumps(value).encode()),
        min_size=1,
        max_size=2,
    )
)
def test_any_bytes_are_answered(running: tuple[str, Log], parts: list[bytes]) -> None:
    endpoint, log = running
    count = len(log.asked)
    reply = send(endpoint, *parts)
    assert reply["ok"] == (len(log.asked) == count + 1)
    assert reply["ok"] or reply["error"]
    if len(parts) == 1 and reply["ok"] and json.loads(parts[0]).get("id"):
        assert "was done before" in send(endpoint, *parts)["error"]
        assert len(log.asked) == count + 1


def test_messages_of_other_sockets_stop_neither_the_daemon_nor_other_clients(tmp_path: Path) -> None:
    with ControlSocket(f"ipc://{tmp_path}/control") as control, zmq.Context() as context:
        for number in range(20):
            with context.socket(zmq.DEALER) as stranger:
                stranger.linger = 1000
                stranger.connect(control.endpoint)
                for parts in ([b"hello"], [b"a", b"b"], [b""] * (number % 3 + 1)):
                    stranger.send_multipart(parts)
            with context.socket(zmq.REQ) as socket:
                socket.linger = 0
                socket.connect(control.endpoint)
                socket.send(b'{"v": 1, "do": "status"}')
                while not socket.poll(1):
                    # In this thread, so that waiting would hang the test.
                    control.attend(Log())
                assert json.loads(socket.recv()) == {"v": 1, "ok": True, "did": "status"}


def test_few_answers_wait_for_a_client_that_never_reads(tmp_path: Path) -> None:
    asked = 0

    def answer(_do: str, _person: str | None, _arg: str | None) -> Mapping[str, Any]:
        nonlocal asked
        asked += 1
        return {"long": "x" * 100_000}

    with (
        ControlSocket(f"ipc://{tmp_path}/control") as control,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as greedy,
    ):
        greedy.linger, greedy.rcvhwm = 0, 1
        greedy.connect(control.endpoint)
        for _ in range(300):
            greedy.send_multipart([b"", b'{"v": 1, "do": "snapshot"}'])
        while asked < 300:
            control.attend(answer)
        came = 0
        while greedy.poll(100):
            greedy.recv_multipart()
            came += 1
        assert 0 < came < 60


def test_a_client_that_sends_too_much_at_once_is_disconnected(tmp_path: Path) -> None:
    with daemon(f"ipc://{tmp_path}/control", Log()) as endpoint, zmq.Context() as context:
        with context.socket(zmq.REQ) as socket:
            socket.linger, socket.reconnect_ivl = 0, -1
            ended = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            socket.connect(endpoint)
            socket.send(b"x" * 70_000)
            assert ended.poll(5000)
            socket.disable_monitor()
            ended.close()
        assert ask(endpoint, "status")["ok"]
