"""The Python client and a daemon that admits only clients with an allowed certificate, on loopback."""

import json
from pathlib import Path
from typing import Any

import pytest
import zmq

from adapters.wire.curve import CertificateFolder
from emgtype_client import ClientError, Edit, NoAnswerError, connect


def test_only_an_allowed_client_gets_the_text(daemon: Any, tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path / "keys")
    file = folder.new("laptop")
    public, secret = (key.decode() for key in zmq.curve_keypair())
    stranger = {"public": public, "secret": secret, "server": folder.server().public}
    with daemon(endpoint="tcp://127.0.0.1:0", control="tcp://127.0.0.1:0", certificates=folder) as running:
        running.type("secret", tail=1)
        with connect(running.endpoint, control=running.control, keys=file) as client:
            assert client.text == "secret"
            running.beat()
            while not isinstance(client.receive(0.02), Edit):
                running.type("!")
            assert client.ask("pause") == {"did": "pause"}
        asked = list(running.asked)
        for keys in (None, stranger, {**json.loads(file.read_text()), "server": public}):
            with pytest.raises(NoAnswerError):
                connect(running.endpoint, control=running.control, keys=keys, timeout=0.2)
        assert running.asked == asked
        folder.allow("stranger", public)
        with connect(running.endpoint, control=running.control, keys=stranger) as client:
            assert client.text.startswith("secret")


def test_broken_certificates_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("[1]")
    for keys in (tmp_path / "none.json", broken):
        with pytest.raises(ClientError, match="holds no certificate"):
            connect(f"ipc://{tmp_path}/text", keys=keys)
    for table in ({"public": "x"}, {"public": "x", "secret": "x", "server": "x"}):
        with pytest.raises(ClientError, match="cannot connect"):
            connect(f"ipc://{tmp_path}/text", keys=table)
