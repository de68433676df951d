"""Finds the daemon by the rule that it follows itself, and opens sockets to it."""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from emgtype_client.errors import ClientError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Route:
    """Both endpoints of a daemon, and the certificate to connect with."""

    endpoint: str
    """Endpoint at which the daemon publishes."""
    control: str
    """Endpoint at which it takes requests."""
    certificate: Mapping[str, str] | None
    """Keys `public`, `secret` and `server` of CURVE; None: the daemon admits anybody."""

    def socket(self, context: "zmq.Context[Any]", kind: int, endpoint: str) -> Any:
        """Return a socket that is connected to an endpoint.

        Raises:
            ClientError: The endpoint or the certificate cannot be used.
        """
        socket = context.socket(kind)
        try:
            socket.linger = 0
            socket.ipv6 = endpoint.startswith("tcp://[")
            if self.certificate:
                socket.curve_publickey = self.certificate["public"].encode()
                socket.curve_secretkey = self.certificate["secret"].encode()
                socket.curve_serverkey = self.certificate["server"].encode()
            socket.connect(endpoint)
        except (zmq.ZMQError, KeyError) as error:
            socket.close()
            raise ClientError(
                f"cannot connect to {endpoint} ({error}): name the endpoint that the daemon prints"
            ) from None
        return socket


def find_route(
    endpoint: str | None, control: str | None, keys: str | os.PathLike[str] | Mapping[str, str] | None
) -> Route:
    """Find the endpoints of a daemon, and read the certificate.

    Args:
        endpoint: Endpoint at which it publishes; None: that of this user's own daemon.
        control: Endpoint at which it takes requests; None: the one beside `endpoint`.
        keys: A file made by `emgtype certificates new`, or its content; None: no certificate.

    Raises:
        ClientError: This user has no usable directory, the file holds no certificate, or `control` must be named.
    """
    endpoint = endpoint or f"ipc://{_own_folder() / 'text'}"
    if control is None:
        if endpoint.startswith("ipc://"):
            control = f"{endpoint}.control"
        elif endpoint.startswith(tuple(f"tcp://{host}:" for host in _LOOPBACK)):
            control = f"ipc://{_own_folder()}/control-{endpoint.rpartition(':')[2]}"
        else:
            raise ClientError(f"{endpoint} is on another machine: name its control endpoint, too")
    if keys is None or isinstance(keys, Mapping):
        return Route(endpoint, control, keys)
    try:
        return Route(endpoint, control, dict(json.loads(Path(keys).read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        raise ClientError(f"{keys} holds no certificate: expected a file made by `emgtype certificates new`") from None


def _own_folder() -> Path:
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if base.is_absolute() and base.is_dir():
        folder = base / "emgtype"
    else:
        folder = Path(tempfile.gettempdir(), f"emgtype-{os.getuid()}")
    if folder.exists():
        # In a directory that everybody can write to, somebody else may have made it.
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise ClientError(f"{folder} is not a directory of yours that only you can enter: name an endpoint")
    return folder
