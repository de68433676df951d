"""Keys, and sockets that let in only those whose keys they know. On loopback; nothing else is reached."""

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from adapters.wire.control import ControlSocket, ask
from adapters.wire.curve import ClientKeys, KeyFolder, load_client_keys
from adapters.wire.format import TextMessage
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from messages.text import Key, TextEvent

EVENT = TextEvent(0, (Key(7, 1.5, 0.5),), 0, 2.0, 0)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


def stranger(keys: KeyFolder) -> ClientKeys:
    """Knows where and who the server is, but nobody knows them."""
    public, secret = zmq.curve_keypair()
    return ClientKeys(public.decode(), secret.decode(), keys.server().public)


def wrong_server(keys: KeyFolder) -> ClientKeys:
    """Is known, and takes somebody else for the server."""
    own = load_client_keys(keys.new("wrong"))
    return ClientKeys(own.public, own.secret, zmq.curve_keypair()[0].decode())


@pytest.mark.parametrize("endpoint", ["ipc://{}/text", "tcp://127.0.0.1:0"])
def test_who_is_known_gets_text_and_nobody_else_gets_anything(tmp_path: Path, keys: KeyFolder, endpoint: str) -> None:
    known = load_client_keys(keys.new("laptop"))
    with PubSocket(endpoint.format(tmp_path), keys=keys) as socket, Subscriber(socket.endpoint, keys=known) as hears:
        assert socket.note == ""
        publisher = Publisher(socket, "s", "ann")
        others = [Subscriber(socket.endpoint, keys=each) for each in (stranger(keys), wrong_server(keys), None)]
        for _ in range(500):
            publisher.push(EVENT)
            if isinstance(hears.receive(0.02), TextMessage):
                break
        else:
            pytest.fail("a client that is known got nothing")
        for _ in range(20):
            publisher.push(EVENT)
            assert isinstance(hears.receive(5), TextMessage)
        for other in others:
            with other:
                assert other.receive(0.1) is None
        with Subscriber(socket.endpoint, keys=keys.own_client()) as own:
            while own.receive(0.02) is None:
                publisher.push(EVENT)


@contextmanager
def attended(endpoint: str, keys: KeyFolder) -> Iterator[tuple[str, list[str]]]:
    """A control socket whose loop runs, and what was asked of it."""
    asked: list[str] = []

    def answer(do: str, _person: str | None, _arg: str | None) -> dict[str, str]:
        asked.append(do)
        return {}

    over = threading.Event()
    with ControlSocket(endpoint, keys=keys) as control:

        def loop() -> None:
            while not over.wait(0.002):
                control.attend(answer)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield control.endpoint, asked
        finally:
            over.set()
            thread.join()


def test_who_is_known_is_answered_and_nobody_else_and_a_revoked_client_no_more(keys: KeyFolder) -> None:
    known = load_client_keys(keys.new("laptop"))
    with attended("tcp://127.0.0.1:0", keys) as (endpoint, asked):
        assert ask(endpoint, "status", keys=known)["ok"]
        assert ask(endpoint, "status", keys=keys.own_client())["ok"]
        for other in (stranger(keys), wrong_server(keys), None):
            with pytest.raises(InputError, match="nobody answers"):
                ask(endpoint, "shutdown", keys=other, timeout=0.2)
        made_elsewhere = stranger(keys)
        keys.allow("phone", made_elsewhere.public)  # counts at once
        assert ask(endpoint, "status", keys=made_elsewhere)["ok"]
        for name, was in (("phone", made_elsewhere), ("laptop", known)):
            keys.revoke(name)
            with pytest.raises(InputError, match="nobody answers"):
                ask(endpoint, "shutdown", keys=was, timeout=0.2)
        assert asked == ["status"] * 3


def test_keys_are_their_owners_alone(keys: KeyFolder) -> None:
    file = keys.new("laptop")
    for path in (file, keys.path / "server.json", keys.path / "allowed" / "laptop"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (keys.path, keys.path / "allowed"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert load_client_keys(file).secret not in repr(load_client_keys(file))
    assert keys.server().secret not in repr(keys.server())
    assert keys.server() == keys.server()
    file.chmod(0o644)
    with pytest.raises(InputError, match="has mode 644"):
        load_client_keys(file)
    (keys.path / "server.json").chmod(0o640)
    with pytest.raises(InputError, match="has mode 640"):
        PubSocket("tcp://127.0.0.1:0", keys=keys)


def test_names_and_keys_that_do_not_fit_are_refused(keys: KeyFolder, tmp_path: Path) -> None:
    public = stranger(keys).public
    keys.allow("phone", public)
    for name in ("", "../x", "a b", "a" * 65, "é", ".", "server", "phone"):
        with pytest.raises(InputError):
            keys.allow(name, public)
    for key in ("", public[:-1], public + "x", "é" * 40, " " * 40):
        with pytest.raises(InputError, match="no CURVE key"):
            keys.allow("other", key)
    assert keys.allowed() == {"phone": public}
    with pytest.raises(InputError, match="no key is called laptop: found phone"):
        keys.revoke("laptop")
    with pytest.raises(InputError, match="cannot read the keys"):
        load_client_keys(tmp_path / "none.json")
    for text, because in (
        ("{", "holds no keys"),
        ("[]", "holds no keys"),
        (json.dumps({"public": public}), "lacks"),
        (json.dumps({"public": public, "secret": "x", "server": public}), "no CURVE key"),
    ):
        broken = tmp_path / "broken.json"
        broken.touch(mode=0o600)
        broken.write_text(text)
        with pytest.raises(InputError, match=because):
            load_client_keys(broken)
    assert not (tmp_path / "x.json").exists()
