"""The sockets that the settings ask for: the daemon's, and those of the commands that talk to it."""

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

KEYS = KeyFolder(USER_CONFIG / "keys")
"""This user's."""


def publish_socket(settings: PublishConfig) -> PubSocket:
    """Where the daemon publishes; errors as PubSocket's."""
    return PubSocket(settings.endpoint or None, encoding=settings.encoding, keys=_let_in(settings))


def control_socket(settings: PublishConfig, published: str) -> ControlSocket:
    """Where the daemon that publishes at `published` takes requests; errors as ControlSocket's."""
    return ControlSocket(settings.control or control_endpoint(published), keys=_let_in(settings))


def subscriber(
    settings: PublishConfig, person: str | None, topics: Sequence[str] = TEXT, keys: Path | None = None
) -> Subscriber:
    """Hears the daemon; `keys` as `client_keys`, errors as Subscriber's."""
    return Subscriber(settings.endpoint or None, person, topics, client_keys(settings, keys))


def ask_daemon(
    settings: PublishConfig, do: str, person: str | None, arg: str | None, keys: Path | None = None
) -> dict[str, Any]:
    """Ask the daemon; `keys` as `client_keys`, errors as those of `ask`."""
    endpoint = settings.control or control_endpoint(settings.endpoint or default_endpoint())
    return ask(endpoint, do, person, arg, keys=client_keys(settings, keys))


def client_keys(settings: PublishConfig, path: Path | None) -> ClientKeys | None:
    """What this user connects to the daemon with.

    Args:
        settings: Where they ask for CURVE, the daemon's own keys do, which must be here then.
        path: A client's file; None: as the settings say.

    Raises:
        InputError: No keys in the file.
    """
    if path:
        return load_client_keys(path)
    return KEYS.own_client() if settings.curve else None


def _let_in(settings: PublishConfig) -> KeyFolder | None:
    return KEYS if settings.curve else None
