"""Open the sockets that the settings ask for: those of the daemon, and those of the commands that talk to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.wire.control import ControlSocket, ask
from adapters.wire.curve import ClientKeys, KeyFolder, load_client_keys
from adapters.wire.endpoint import control_endpoint, default_endpoint
from adapters.wire.publisher import PubSocket
from adapters.wire.subscriber import TEXT, Subscriber
from emgtype.config import PublishConfig
from emgtype.places import USER_CONFIG

CERTIFICATES = KeyFolder(USER_CONFIG / "keys")
"""This user's CURVE certificates: the daemon's own, and those of the clients that may connect to it."""


def publish_socket(settings: PublishConfig) -> PubSocket:
    """Open the socket at which the daemon publishes.

    Raises:
        InputError: As `PubSocket`.
    """
    return PubSocket(settings.endpoint or None, encoding=settings.encoding, keys=_allowed_clients(settings))


def control_socket(settings: PublishConfig, published: str) -> ControlSocket:
    """Open the socket at which the daemon takes requests.

    Args:
        settings: Of [publish].
        published: Endpoint at which that daemon publishes; without a setting, requests are taken beside it.

    Raises:
        InputError: As `ControlSocket`.
    """
    return ControlSocket(settings.control or control_endpoint(published), keys=_allowed_clients(settings))


def subscriber(
    settings: PublishConfig, person: str | None, topics: Sequence[str] = TEXT, certificate: Path | None = None
) -> Subscriber:
    """Subscribe to what the daemon publishes.

    Args:
        settings: Of [publish].
        person: Wearer whose topics are read; None: everybody's.
        topics: Kinds of messages.
        certificate: File of the client, as in `client_certificate`.

    Raises:
        InputError: As `Subscriber` and `client_certificate`.
    """
    return Subscriber(settings.endpoint or None, person, topics, client_certificate(settings, certificate))


def ask_daemon(
    settings: PublishConfig, do: str, person: str | None, arg: str | None, certificate: Path | None = None
) -> dict[str, Any]:
    """Send a request to the daemon and return its answer.

    Args:
        settings: Of [publish].
        do: Name of the request.
        person: Wearer that it is about; None: everybody.
        arg: Argument of the request, where it takes one.
        certificate: File of the client, as in `client_certificate`.

    Raises:
        InputError: As `ask` and `client_certificate`.
    """
    endpoint = settings.control or control_endpoint(settings.endpoint or default_endpoint())
    return ask(endpoint, do, person, arg, keys=client_certificate(settings, certificate))


def client_certificate(settings: PublishConfig, path: Path | None) -> ClientKeys | None:
    """Return the certificate by which this user connects to the daemon; None where none is needed.

    Args:
        settings: Of [publish]; where they ask for CURVE, the daemon's own certificate serves, which must be here then.
        path: File of a client; None: as the settings say.

    Raises:
        InputError: The file holds no certificate.
    """
    if path:
        return load_client_keys(path)
    return CERTIFICATES.own_client() if settings.curve else None


def _allowed_clients(settings: PublishConfig) -> KeyFolder | None:
    """Return the certificates of the clients that may connect; None: whoever reaches the socket may."""
    return CERTIFICATES if settings.curve else None
