"""Certificates, and sockets that admit only clients with an allowed one. On loopback; nothing else is reached."""

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from adapters.wire.control import ControlSocket, ask
from adapters.wire.curve import CertificateFolder, ClientCertificate, load_client_certificate
from adapters.wire.format import TextMessage
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from messages.text import Key, TextEvent

EVENT = TextEvent(0, (Key(7, 1.5, 0.5),), 0, 2.0, 0)


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    return CertificateFolder(tmp_path / "keys")


def stranger(folder: CertificateFolder) -> ClientCertificate:
    """A client that knows the server, but is not allowed."""
    public, secret = zmq.curve_keypair()
    return ClientCertificate(public.decode(), secret.decode(), folder.server().public)


def wrong_server(folder: CertificateFolder) -> ClientCertificate:
    """A client that is allowed, and expects another server."""
    own = load_client_certificate(folder.new("wrong"))
    return ClientCertificate(own.public, own.secret, zmq.curve_keypair()[0].decode())


@pytest.mark.parametrize("endpoint", ["ipc://{}/text", "tcp://127.0.0.1:0"])
def test_only_an_allowed_client_gets_text(tmp_path: Path, folder: CertificateFolder, endpoint: str) -> None:
    known = load_client_certificate(folder.new("laptop"))
    with (
        PubSocket(endpoint.format(tmp_path), certificates=folder) as socket,
        Subscriber(socket.endpoint, certificate=known) as known_client,
    ):
        assert socket.note == ""
        publisher = Publisher(socket, "s", "ann")
        others = [
            Subscriber(socket.endpoint, certificate=each) for each in (stranger(folder), wrong_server(folder), None)
        ]
        for _ in range(500):
            publisher.push(EVENT)
            if isinstance(known_client.receive(0.02), TextMessage):
                break
        else:
            pytest.fail("a client that is allowed got nothing")
        for _ in range(20):
            publisher.push(EVENT)
            assert isinstance(known_client.receive(5), TextMessage)
        for other in others:
            with other:
                assert other.receive(0.1) is None
        with Subscriber(socket.endpoint, certificate=folder.own_client()) as own:
            while own.receive(0.02) is None:
                publisher.push(EVENT)


@contextmanager
def attended(endpoint: str, folder: CertificateFolder) -> Iterator[tuple[str, list[str]]]:
    """A control socket that is attended, and the names of the requests that it answered."""
    asked: list[str] = []

    def answer(do: str, _person: str | None, _arg: str | None) -> dict[str, str]:
        asked.append(do)
        return {}

    over = threading.Event()
    with ControlSocket(endpoint, certificates=folder) as control:

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


def test_only_an_allowed_client_is_answered_until_it_is_revoked(folder: CertificateFolder) -> None:
    known = load_client_certificate(folder.new("laptop"))
    with attended("tcp://127.0.0.1:0", folder) as (endpoint, asked):
        assert ask(endpoint, "status", certificate=known)["ok"]
        assert ask(endpoint, "status", certificate=folder.own_client())["ok"]
        for other in (stranger(folder), wrong_server(folder), None):
            with pytest.raises(InputError, match="nobody answers"):
                ask(endpoint, "shutdown", certificate=other, timeout=0.2)
        made_elsewhere = stranger(folder)
        # A change counts at once.
        folder.allow("phone", made_elsewhere.public)
        assert ask(endpoint, "status", certificate=made_elsewhere)["ok"]
        for name, was in (("phone", made_elsewhere), ("laptop", known)):
            folder.revoke(name)
            with pytest.raises(InputError, match="nobody answers"):
                ask(endpoint, "shutdown", certificate=was, timeout=0.2)
        assert asked == ["status"] * 3


def test_certificates_are_readable_by_their_owner_alone(folder: CertificateFolder) -> None:
    file = folder.new("laptop")
    for path in (file, folder.path / "server.json", folder.path / "allowed" / "laptop"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (folder.path, folder.path / "allowed"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert load_client_certificate(file).secret not in repr(load_client_certificate(file))
    assert folder.server().secret not in repr(folder.server())
    assert folder.server() == folder.server()
    file.chmod(0o644)
    with pytest.raises(InputError, match="has mode 644"):
        load_client_certificate(file)
    (folder.path / "server.json").chmod(0o640)
    with pytest.raises(InputError, match="has mode 640"):
        PubSocket("tcp://127.0.0.1:0", certificates=folder)


def test_names_and_certificates_that_do_not_fit_are_refused(folder: CertificateFolder, tmp_path: Path) -> None:
    public = stranger(folder).public
    folder.allow("phone", public)
    for name in ("", "../x", "a b", "a" * 65, "é", ".", "server", "phone"):
        with pytest.raises(InputError):
            folder.allow(name, public)
    for key in ("", public[:-1], public + "x", "é" * 40, " " * 40):
        with pytest.raises(InputError, match="no CURVE key"):
            folder.allow("other", key)
    assert folder.allowed() == {"phone": public}
    with pytest.raises(InputError, match="no certificate is called laptop: found phone"):
        folder.revoke("laptop")
    with pytest.raises(InputError, match="cannot read the certificate"):
        load_client_certificate(tmp_path / "none.json")
    for text, because in (
        ("{", "holds no certificate"),
        ("[]", "holds no certificate"),
        (json.dumps({"public": public}), "lacks"),
        (json.dumps({"public": public, "secret": "x", "server": public}), "no CURVE key"),
    ):
        broken = tmp_path / "broken.json"
        broken.touch(mode=0o600)
        broken.write_text(text)
        with pytest.raises(InputError, match=because):
            load_client_certificate(broken)
    assert not (tmp_path / "x.json").exists()
