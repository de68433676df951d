"""The sockets that the settings ask for: the daemon's own, and those of the commands that talk to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.wire.control import ControlSocket, ask
from adapters.wire.curve import CertificateFolder, ClientCertificate, load_client_certificate
from adapters.wire.endpoint import control_endpoint, default_endpoint
from adapters.wire.publisher import PubSocket
from adapters.wire.subscriber import TEXT, Subscriber
from emgtype.config import PublishConfig
from emgtype.places import USER_CONFIG

CERTIFICATES = CertificateFolder(USER_CONFIG / "keys")
"""This user's CURVE certificates."""


def publish_socket(settings: PublishConfig) -> PubSocket:
    """Open the socket at which the daemon publishes; errors as PubSocket's."""
    return PubSocket(settings.endpoint or None, encoding=settings.encoding, certificates=_certificates(settings))


def control_socket(settings: PublishConfig, published: str) -> ControlSocket:
    """Open the socket at which the daemon that publishes at `published` takes requests; errors as ControlSocket's."""
    return ControlSocket(settings.control or control_endpoint(published), certificates=_certificates(settings))


def subscriber(
    settings: PublishConfig, person: str | None, topics: Sequence[str] = TEXT, certificate: Path | None = None
) -> Subscriber:
    """Subscribe to the daemon; `certificate` as in `client_certificate`, errors as Subscriber's."""
    return Subscriber(settings.endpoint or None, person, topics, client_certificate(settings, certificate))


def ask_daemon(
    settings: PublishConfig, do: str, person: str | None, arg: str | None, certificate: Path | None = None
) -> dict[str, Any]:
    """Send a request to the daemon; `certificate` as in `client_certificate`, errors as those of `ask`."""
    endpoint = settings.control or control_endpoint(settings.endpoint or default_endpoint())
    return ask(endpoint, do, person, arg, certificate=client_certificate(settings, certificate))


def client_certificate(settings: PublishConfig, path: Path | None) -> ClientCertificate | None:
    """Return the certificate that this user connects to the daemon with; None: the settings ask for none.

    Args:
        settings: If they ask for CURVE, the daemon's own certificate serves, which must be on this machine then.
        path: A client's file; None: as the settings say.

    Raises:
        InputError: The file holds no certificate.
    """
    if path:
        return load_client_certificate(path)
    return CERTIFICATES.own_client() if settings.curve else None


def _certificates(settings: PublishConfig) -> CertificateFolder | None:
    return CERTIFICATES if settings.curve else None
