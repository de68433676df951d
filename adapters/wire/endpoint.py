"""The endpoints of a daemon: by default sockets in a directory that nobody else can enter, since text is private."""

import os
import re
import socket
import stat
import tempfile
from pathlib import Path

from messages.errors import InputError

CERTIFICATES_COMMAND = "emgtype certificates"
"""The command that makes CURVE certificates, for error messages."""

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_TCP = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:.]+\]|[^\s\[\]:/@;]+)(?::(?P<port>[^:/@;]*))?")
_LAST_PORT = 65535


def default_endpoint(name: str = "text") -> str:
    """Return the ipc endpoint of this user's daemon, `text` or `control`; its directory is made if missing.

    Raises:
        InputError: The directory is somebody else's, others may enter it, or it cannot be made.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    # After su or sudo, and in some containers, the variable names a directory that is missing.
    usable = base.is_absolute() and base.is_dir()
    folder = base / "emgtype" if usable else Path(tempfile.gettempdir(), f"emgtype-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the directory {folder}: {error.strerror}; name an --endpoint") from None
    status = folder.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or mode & 0o077:
        raise InputError(
            f"{folder} has mode {mode:o} and owner {status.st_uid}: expected a directory of yours that only you can "
            f"enter (chmod 700 {folder})"
        )
    return f"ipc://{folder / name}"


def control_endpoint(published: str) -> str:
    """Return the default endpoint for requests to the daemon that publishes at `published`: an ipc socket beside it."""
    if published.startswith("ipc://"):
        return f"{published}.control"
    return default_endpoint(f"control-{published.rpartition(':')[2]}")


def check_endpoint(endpoint: str, *, encrypted: bool = False) -> None:
    """Check that an endpoint can be bound.

    Args:
        endpoint: The endpoint as a user writes it.
        encrypted: The socket admits only clients with an allowed certificate: then any TCP address may be bound.

    Raises:
        InputError: The endpoint is none of ZeroMQ's, open to the network, or in use.
    """
    if path := ipc_path(endpoint):
        if str(path).startswith(("@", "*")):
            raise InputError(f"{endpoint} is no file whose permissions keep others out: expected ipc://PATH")
        _check_path(endpoint, path)
        return
    # Strictly by a pattern: ZeroMQ also takes names of hosts and interfaces, and asks the resolver.
    match = _TCP.fullmatch(endpoint)
    if not match:
        raise InputError(f"the endpoint {endpoint!r} is no ipc://PATH or tcp://127.0.0.1:PORT")
    host, port = match["host"], match["port"]
    # ZeroMQ would take larger ports modulo 65536.
    usable = port == "*" or (re.fullmatch("[0-9]{1,5}", port or "") is not None and int(port) <= _LAST_PORT)
    if not usable:
        raise InputError(
            f"the endpoint {endpoint!r} has no usable port: expected tcp://127.0.0.1:PORT, 0 to {_LAST_PORT}"
        )
    if host not in _LOOPBACK and not encrypted:
        raise InputError(
            f"{endpoint} would send typed text, unencrypted, to whoever asks for it: expected a loopback address "
            f"such as tcp://127.0.0.1:5757, or publish.curve (`{CERTIFICATES_COMMAND} --help`)"
        )


def ipc_path(endpoint: str) -> Path | None:
    """Return the file of an ipc endpoint, None for other endpoints."""
    return Path(endpoint.removeprefix("ipc://")) if endpoint.startswith("ipc://") else None


def _check_path(endpoint: str, path: Path) -> None:
    """Check that binding, which unlinks the file, would remove nothing but the socket of a daemon that has ended."""
    try:
        if not path.exists():
            return
    except (OSError, ValueError) as error:
        # The name is too long, or no file can have it.
        raise InputError(
            f"the endpoint {endpoint[:80]!r} names no file ({error.args[-1]}): expected ipc://PATH"
        ) from None
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise InputError(f"{path} is no socket and would be overwritten: name another --endpoint")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            # Nobody listens: the socket was left behind.
            return
        except OSError as error:
            # Somebody may listen behind a full queue, or without our permission.
            raise InputError(f"{endpoint} may be in use ({error.strerror}): name another --endpoint") from None
    raise InputError(f"{endpoint} is in use: end the other daemon, or name another --endpoint")
