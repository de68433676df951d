"""CURVE certificates of ZeroMQ: they decide who may read the typed text where more than one user can reach a socket.

A certificate is a pair of a public and a secret key, texts of 40 characters (Z85), in a JSON file that only its owner
can read. A client's file holds its own pair and the server's public key: all that a program in any language needs
(docs/protocol.md).
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
from adapters.wire.endpoint import CERTIFICATES_COMMAND
from messages.errors import InputError
from messages.tables import build

T = TypeVar("T")

_DOMAIN = "emgtype"
"""Name of our sockets in ZeroMQ's questions about who may connect."""
_LONGEST_NAME = 64
_CHARACTERS, _BYTES = 40, 32


@dataclass(frozen=True, slots=True)
class Certificate:
    """A pair of a public and a secret key, as Z85 texts."""

    public: str
    """Public key, which others may know."""
    secret: str = field(repr=False)
    """Secret key, which only its owner may know."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate that a client connects with; it names the server, so that nobody else can answer for it."""

    public: str
    """Public key of the client."""
    secret: str = field(repr=False)
    """Secret key of the client."""
    server: str
    """Public key of the server."""

    def apply(self, socket: "zmq.Socket[bytes]") -> None:
        """Set the certificate on a socket that is not connected yet."""
        socket.curve_publickey = self.public.encode()
        socket.curve_secretkey = self.secret.encode()
        socket.curve_serverkey = self.server.encode()


@dataclass(frozen=True, slots=True)
class CertificateFolder:
    """The server's certificate, certificates of clients that were made here, and the public keys that are allowed.

    `server.json`, `NAME.json`, and `allowed/NAME`, a line each. The folder is made when something is first written.
    """

    path: Path
    """The folder."""

    def server(self) -> Certificate:
        """Return the server's certificate; the first call makes it.

        Raises:
            InputError: Others can read the file, or it holds no certificate.
        """
        if not (self.path / "server.json").exists():
            pair = _new_certificate()
            self._write("server", {"public": pair.public, "secret": pair.secret})
        return _read(Certificate, self.path / "server.json")

    def own_client(self) -> ClientCertificate:
        """Return a certificate for programs of the daemon's own user, made of the server's: they need no file."""
        pair = self.server()
        return ClientCertificate(pair.public, pair.secret, pair.public)

    def new(self, name: str) -> Path:
        """Make a certificate for a client and allow it.

        Returns:
            The file to carry to the client.

        Raises:
            InputError: The name is taken, or cannot name a file.
        """
        server, pair = self.server(), _new_certificate()
        self.allow(name, pair.public)
        return self._write(name, {"public": pair.public, "secret": pair.secret, "server": server.public})

    def allow(self, name: str, public: str) -> None:
        """Allow a client that has made its certificate itself.

        Raises:
            InputError: `public` is no public key, or the name is taken or cannot name a file.
        """
        _check_text(public, "the public key")
        path = self._allowed_path(name)
        if name == "server" or path.exists() or (self.path / f"{name}.json").exists():
            raise InputError(f"there is a certificate called {name} already: choose another name, or revoke it first")
        self._folder("allowed")
        _write_private(path, public + "\n")

    def revoke(self, name: str) -> None:
        """Refuse a client from its next connection on, and delete the certificate that was made for it here.

        Raises:
            InputError: No client of that name is allowed.
        """
        path = self._allowed_path(name)
        if not path.exists():
            raise InputError(f"no certificate is called {name}: found {', '.join(self.allowed()) or 'none'}")
        path.unlink()
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def allowed(self) -> dict[str, str]:
        """Return the public keys of the clients that are allowed, by name."""
        folder = self.path / "allowed"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return {file.name: file.read_text(encoding="utf-8").strip() for file in files}

    def allows(self, public: str) -> bool:
        """Return whether a client with this public key may connect."""
        return public in self.allowed().values()

    def _allowed_path(self, name: str) -> Path:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > _LONGEST_NAME:
            raise InputError(
                f"{name[:80]!r} cannot name a certificate: use up to {_LONGEST_NAME} letters, digits, - and _"
            )
        return self.path / "allowed" / name

    def _folder(self, *names: str) -> Path:
        folder = self.path.joinpath(*names)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _write(self, name: str, table: dict[str, str]) -> Path:
        path = self._folder() / f"{name}.json"
        _write_private(path, json.dumps(table, indent=1) + "\n")
        return path


class Gatekeeper:
    """Answers ZeroMQ's questions about who may connect: one gatekeeper per context, made before its sockets are bound.

    Args:
        context: The context of the sockets.
        certificates: Read at each handshake, so that what is allowed and revoked counts at once for new connections.

    Raises:
        InputError: The server's certificate cannot be read.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", certificates: CertificateFolder) -> None:
        self._certificates = certificates
        self._server = certificates.server()
        self._authenticator = ThreadAuthenticator(context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_DOMAIN, self)

    def guard(self, socket: "zmq.Socket[bytes]") -> None:
        """Let only clients that are allowed connect to a socket, which is not bound yet."""
        socket.zap_domain = _DOMAIN.encode()
        # Without an answer from us, nobody connects.
        socket.zap_enforce_domain = True
        socket.curve_secretkey = self._server.secret.encode()
        socket.curve_server = True

    def callback(self, _domain: str, public: bytes) -> bool:
        """Answer ZeroMQ whether a client with this public key may connect."""
        try:
            return public.decode() == self._server.public or self._certificates.allows(public.decode())
        except (OSError, UnicodeError):
            # Certificates that cannot be read let nobody in.
            return False

    def close(self) -> None:
        """End the thread that answers."""
        self._authenticator.stop()


def load_client_certificate(path: Path) -> ClientCertificate:
    """Read a client's file.

    Raises:
        InputError: The file cannot be read, others can read it, or it holds no certificate.
    """
    return _read(ClientCertificate, path)


def _new_certificate() -> Certificate:
    public, secret = zmq.curve_keypair()
    return Certificate(public.decode(), secret.decode())


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(open_private(path, new=True), "w", encoding="utf-8") as file:
        file.write(text)


def _read(kind: type[T], path: Path) -> T:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read the certificate in {path} ({error.strerror}): see `{CERTIFICATES_COMMAND} --help`"
        ) from None
    except (ValueError, RecursionError):
        table = None
    if mode & 0o077:
        raise InputError(
            f"{path} has mode {mode:o}: expected a secret certificate that only you can read (chmod 600 {path})"
        )
    if not isinstance(table, dict):
        raise InputError(f"{path} holds no certificate: expected JSON made by `{CERTIFICATES_COMMAND}`")
    certificate = build(kind, table, str(path))
    for name, text in table.items():
        _check_text(text, f"{name} in {path}")
    return certificate


def _check_text(text: str, where: str) -> None:
    """Raise InputError unless the text is a key of a certificate."""
    try:
        usable = len(text) == _CHARACTERS and len(z85.decode(text)) == _BYTES
    except (ValueError, KeyError, struct.error):
        usable = False
    if not usable:
        raise InputError(
            f"{where} is no CURVE key: expected {_CHARACTERS} characters made by `{CERTIFICATES_COMMAND} new NAME`"
        )
