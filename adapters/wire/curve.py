"""CURVE keys of ZeroMQ: who may read what is typed where a socket is open to more than one user.

Keys are texts of 40 characters (Z85), in JSON files that only their owner can read. A client's file holds its own pair
and the server's public key: all that a program in any language needs (docs/protocol.md).
"""

import json
import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils import z85

from adapters.files.private import open_private
from messages.errors import InputError
from messages.tables import build

T = TypeVar("T")

_DOMAIN = "emgtype"  # for ZeroMQ: which sockets the question is about
_NAME_LONGEST = 64
_KEY_LENGTH, _KEY_BYTES = 40, 32


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Z85 texts."""

    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client connects with: its pair, and the public key of the server, so that nobody else answers for it."""

    public: str
    secret: str = field(repr=False)
    server: str

    def apply(self, socket: "zmq.Socket[bytes]") -> None:
        """To a socket that is not connected yet."""
        socket.curve_publickey = self.public.encode()
        socket.curve_secretkey = self.secret.encode()
        socket.curve_serverkey = self.server.encode()


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The server's pair, clients' pairs that were made here, and the public keys of those who are let in.

    `server.json`, `NAME.json`, and `allowed/NAME`, a line each. Made when something is first written.
    """

    path: Path

    def server(self) -> KeyPair:
        """The server's pair; made at the first call.

        Raises:
            InputError: A file that others can read, or that is none of keys.
        """
        if not (self.path / "server.json").exists():
            pair = _new_pair()
            self._write("server", {"public": pair.public, "secret": pair.secret})
        return _read(KeyPair, self.path / "server.json")

    def own_client(self) -> ClientKeys:
        """For programs of whoever runs the daemon, with the server's own pair: they need no file of their own."""
        pair = self.server()
        return ClientKeys(pair.public, pair.secret, pair.public)

    def new(self, name: str) -> Path:
        """Make a pair for a client and let it in; the file to be carried there.

        Raises:
            InputError: A name that is taken or is none.
        """
        server, pair = self.server(), _new_pair()
        self.allow(name, pair.public)
        return self._write(name, {"public": pair.public, "secret": pair.secret, "server": server.public})

    def allow(self, name: str, public: str) -> None:
        """Let a client in that has made its pair itself.

        Raises:
            InputError: No public key, or a name that is taken or is none.
        """
        _check_key(public, "the public key")
        path = self._allowed(name)
        if name == "server" or path.exists() or (self.path / f"{name}.json").exists():
            raise InputError(f"there is a key called {name} already: choose another name, or revoke it first")
        self._folder("allowed")
        _write_own(path, public + "\n")

    def revoke(self, name: str) -> None:
        """Let a client in no more, from its next connection on, and forget the pair that was made for it.

        Raises:
            InputError: Nobody of that name is let in.
        """
        path = self._allowed(name)
        if not path.exists():
            raise InputError(f"no key is called {name}: found {', '.join(self.allowed()) or 'none'}")
        path.unlink()
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def allowed(self) -> dict[str, str]:
        """Public keys of those who are let in, by name."""
        folder = self.path / "allowed"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return {file.name: file.read_text(encoding="utf-8").strip() for file in files}

    def lets_in(self, public: str) -> bool:
        """Whether a client with this key may connect."""
        return public in self.allowed().values()

    def _allowed(self, name: str) -> Path:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > _NAME_LONGEST:
            raise InputError(f"{name[:80]!r} is no name of a key: use up to {_NAME_LONGEST} letters, digits, - and _")
        return self.path / "allowed" / name

    def _folder(self, *names: str) -> Path:
        folder = self.path.joinpath(*names)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _write(self, name: str, table: dict[str, str]) -> Path:
        path = self._folder() / f"{name}.json"
        _write_own(path, json.dumps(table, indent=1) + "\n")
        return path


class Gatekeeper:
    """Answers ZeroMQ whom to let in: one a context, before its sockets are bound.

    Args:
        context: Of the sockets.
        keys: Read at each handshake, so that what is allowed and revoked counts at once for new connections.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyFolder) -> None:
        self._keys = keys
        self._pair = keys.server()
        self._authenticator = ThreadAuthenticator(context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_DOMAIN, self)

    def guard(self, socket: "zmq.Socket[bytes]") -> None:
        """Let into a socket, which is not bound yet, only those who are known."""
        socket.zap_domain = _DOMAIN.encode()
        socket.zap_enforce_domain = True  # without an answer from us, nobody
        socket.curve_secretkey = self._pair.secret.encode()
        socket.curve_server = True

    def callback(self, _domain: str, public: bytes) -> bool:
        """ZeroMQ's question."""
        try:
            return public.decode() == self._pair.public or self._keys.lets_in(public.decode())
        except (OSError, UnicodeError):  # keys that cannot be read open nothing
            return False

    def close(self) -> None:
        """End the thread that answers."""
        self._authenticator.stop()


def load_client_keys(path: Path) -> ClientKeys:
    """The keys in a client's file.

    Raises:
        InputError: No such file, one that others can read, or one that is none of keys.
    """
    return _read(ClientKeys, path)


def _new_pair() -> KeyPair:
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def _write_own(path: Path, text: str) -> None:
    with os.fdopen(open_private(path, new=True), "w", encoding="utf-8") as file:
        file.write(text)


def _read(kind: type[T], path: Path) -> T:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the keys in {path} ({error.strerror}): see `emgtype keys --help`") from None
    except (ValueError, RecursionError):
        table = None
    if mode & 0o077:
        raise InputError(f"{path} has mode {mode:o}: expected secret keys that only you can read (chmod 600 {path})")
    if not isinstance(table, dict):
        raise InputError(f"{path} holds no keys: expected JSON made by `emgtype keys`")
    keys = build(kind, table, str(path))
    for name, key in table.items():
        _check_key(key, f"{name} in {path}")
    return keys


def _check_key(key: str, what: str) -> None:
    try:
        usable = len(key) == _KEY_LENGTH and len(z85.decode(key)) == _KEY_BYTES
    except (ValueError, KeyError, struct.error):
        usable = False
    if not usable:
        raise InputError(f"{what} is no CURVE key: expected {_KEY_LENGTH} characters made by `emgtype keys new NAME`")
