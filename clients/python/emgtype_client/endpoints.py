"""Where the daemon is, by the rule that it follows itself, and what we connect with."""

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
    """Both endpoints of a daemon, and the keys that it wants, if any.

    Args:
        endpoint: Where it publishes; None: this user's own.
        control: Where it takes requests; None: beside that.
        keys: A file made by `emgtype keys new`, or what it holds.

    Raises:
        ClientError: No own directory, no keys in the file, or no telling where requests go.
    """

    endpoint: str
    control: str
    keys: Mapping[str, str] | None

    def socket(self, context: "zmq.Context[Any]", kind: int, where: str) -> Any:
        """A connected socket; ZMQError where that cannot be."""
        socket = context.socket(kind)
        try:
            socket.linger = 0
            socket.ipv6 = where.startswith("tcp://[")
            if self.keys:
                socket.curve_publickey = self.keys["public"].encode()
                socket.curve_secretkey = self.keys["secret"].encode()
                socket.curve_serverkey = self.keys["server"].encode()
            socket.connect(where)
        except (zmq.ZMQError, KeyError) as error:
            socket.close()
            raise ClientError(f"cannot connect to {where} ({error}): name what the daemon says") from None
        return socket


def find_route(
    endpoint: str | None, control: str | None, keys: str | os.PathLike[str] | Mapping[str, str] | None
) -> Route:
    """See `Route`."""
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
        raise ClientError(f"{keys} holds no keys: expected a file made by `emgtype keys new`") from None


def _own_folder() -> Path:
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if base.is_absolute() and base.is_dir():
        folder = base / "emgtype"
    else:
        folder = Path(tempfile.gettempdir(), f"emgtype-{os.getuid()}")
    if folder.exists():
        found = folder.lstat()  # where all may write, somebody else may have made it
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise ClientError(f"{folder} is not a directory of yours that only you can enter: name an endpoint")
    return folder
