"""Where text is published: by default a socket in a directory that nobody else can enter, for it may be a password."""

import os
import re
import socket
import stat
import tempfile
from pathlib import Path

from messages.errors import InputError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_TCP = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:.]+\]|[^\s\[\]:/@;]+)(?::(?P<port>[^:/@;]*))?")


def default_endpoint(name: str = "text") -> str:
    """An ipc endpoint of this user's daemon: `text` or `control`; its directory is made if missing.

    Raises:
        InputError: The directory is somebody else's, others may enter it, or it cannot be made.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    # Named but missing after su or sudo, and in some containers.
    own = base.is_absolute() and base.is_dir()
    folder = base / "emgtype" if own else Path(tempfile.gettempdir(), f"emgtype-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the directory {folder}: {error.strerror}; name an --endpoint") from None
    found = folder.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or mode & 0o077:
        raise InputError(
            f"{folder} has mode {mode:o} and owner {found.st_uid}: expected a directory of yours that only you can "
            f"enter (chmod 700 {folder})"
        )
    return f"ipc://{folder / name}"


def control_endpoint(published: str) -> str:
    """Where the daemon that publishes there takes requests, unless it is told otherwise: an ipc socket beside it."""
    if published.startswith("ipc://"):
        return f"{published}.control"
    return default_endpoint(f"control-{published.rpartition(':')[2]}")


def check_endpoint(endpoint: str, *, encrypted: bool = False) -> None:
    """Raise InputError for an endpoint that cannot be bound: not ZeroMQ's, open to the network, or in use.

    Args:
        endpoint: As a user writes it.
        encrypted: Whether the socket lets in those alone whose keys it knows: then any TCP address may be bound.
    """
    if path := ipc_path(endpoint):
        if str(path).startswith(("@", "*")):
            raise InputError(f"{endpoint} is no file whose permissions keep others out: expected ipc://PATH")
        _check_path(endpoint, path)
        return
    # By what is allowed, letter by letter: ZeroMQ also takes names of hosts and interfaces, and asks the resolver.
    found = _TCP.fullmatch(endpoint)
    if not found:
        raise InputError(f"the endpoint {endpoint!r} is no ipc://PATH or tcp://127.0.0.1:PORT")
    host, port = found["host"], found["port"]
    if port != "*" and not (
        re.fullmatch("[0-9]{1,5}", port or "") and int(port) <= 65535
    ):  # ZeroMQ takes it modulo 65536
        raise InputError(f"the endpoint {endpoint!r} has no usable port: expected tcp://127.0.0.1:PORT, 0 to 65535")
    if host not in _LOOPBACK and not encrypted:
        raise InputError(
            f"{endpoint} would send typed text, unencrypted, to whoever asks for it: expected a loopback address "
            "such as tcp://127.0.0.1:5757, or publish.curve (`emgtype keys --help`)"
        )


def ipc_path(endpoint: str) -> Path | None:
    """The file of an ipc endpoint, None for others."""
    return Path(endpoint.removeprefix("ipc://")) if endpoint.startswith("ipc://") else None


def _check_path(endpoint: str, path: Path) -> None:
    """Raise InputError where binding, which unlinks what is there, would remove more than a dead daemon's socket."""
    try:
        if not path.exists():
            return
    except (OSError, ValueError) as error:  # too long for a name, or one that no file can have
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
            return  # nobody listens: it was left behind
        except OSError as error:  # a full queue, no permission: somebody may
            raise InputError(f"{endpoint} may be in use ({error.strerror}): name another --endpoint") from None
    raise InputError(f"{endpoint} is in use: end the other daemon, or name another --endpoint")
