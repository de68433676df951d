"""Certificates made on the command line, and settings that cannot make a daemon public."""

import json
import stat
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from adapters.wire.curve import ClientCertificate, load_client_certificate
from emgtype.config import load_config
from emgtype.live.sockets import control_socket, publish_socket
from messages.errors import InputError

Run = Callable[..., subprocess.CompletedProcess[str]]
PUBLIC = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # from ZeroMQ's own documentation


def test_certificates_are_made_allowed_listed_and_revoked(emgtype: Run) -> None:
    made = emgtype("certificates", "new", "laptop")
    assert made.returncode == 0, made.stderr
    file = Path(made.stdout.partition(":")[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    certificate = load_client_certificate(file)
    assert isinstance(certificate, ClientCertificate)
    assert emgtype("certificates", "show").stdout == f"{certificate.server}\n"
    assert emgtype("certificates", "allow", "phone", PUBLIC).returncode == 0
    known = json.loads(emgtype("certificates", "list", "--json").stdout)
    assert (known["laptop"], known["phone"]) == (certificate.public, PUBLIC)
    assert certificate.secret not in made.stdout + made.stderr + emgtype("certificates", "list").stdout
    for call in (("new", "laptop"), ("allow", "phone", PUBLIC), ("allow", "x", "short"), ("revoke", "nobody")):
        done = emgtype("certificates", *call)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
    assert emgtype("certificates", "revoke", "laptop").returncode == 0
    assert f"{PUBLIC}  phone\n" in emgtype("certificates", "list").stdout
    assert "laptop" not in emgtype("certificates", "list").stdout
    assert not file.exists()


@pytest.mark.parametrize("setting", ["endpoint", "control"])
@pytest.mark.parametrize("value", ["tcp://*:5757", "tcp://0.0.0.0:5757", "tcp://[::]:5757", "tcp://eth0:5757"])
def test_no_setting_makes_a_socket_public_without_certificates(tmp_path: Path, setting: str, value: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[publish]\n{setting} = "{value}"\n')
    settings = load_config(path).publish
    opens = publish_socket if setting == "endpoint" else partial(control_socket, published="ipc://unused")
    with pytest.raises(InputError, match="expected a loopback address"):
        opens(settings)


def test_the_daemon_refuses_it_before_anything_else(emgtype: Run) -> None:
    done = emgtype("serve", "--endpoint", "tcp://0.0.0.0:5757")
    assert done.returncode == 2
    assert "to whoever asks for it" in done.stderr
