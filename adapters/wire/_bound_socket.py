"""A ZeroMQ socket that clients connect to, bound so that only those who may read the typed text can."""

from contextlib import ExitStack
from typing import Any

import zmq

from adapters.files.closing import Closing
from adapters.wire._socket_lock import SocketLock
from adapters.wire.curve import CertificateFolder, Gatekeeper
from adapters.wire.endpoint import check_endpoint, ipc_path
from messages.errors import InputError

_LINGER_MS = 300
"""Time that the last messages get to leave when the socket is closed."""
_LONGEST = 1 << 16
"""Bytes of the longest message to us, a request or a subscription; ZeroMQ disconnects whoever sends more at once."""
_WAITING = 32
"""Number of messages from each client, and to each, that may wait; beyond it the client must wait, or loses some."""
_DEFAULTS = {"linger": _LINGER_MS, "maxmsgsize": _LONGEST, "rcvhwm": _WAITING, "sndhwm": _WAITING}


class BoundSocket(Closing):
    """A socket that is bound as soon as it is made. Use it in a `with`.

    Args:
        kind: Type of the socket, zmq.PUB and the like.
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free port); with certificates any TCP address.
        purpose: The purpose of the socket, and the flag that names another endpoint, for error messages.
        certificates: Only clients that are allowed here may connect, and everything is encrypted; None: anybody who can
            reach the endpoint may connect.
        options: Options of the socket, by their names in pyzmq.

    Raises:
        InputError: The endpoint is in use, others could reach it, or a certificate cannot be read.
    """

    def __init__(
        self,
        kind: int,
        endpoint: str,
        purpose: tuple[str, str],
        *,
        certificates: CertificateFolder | None = None,
        **options: Any,
    ) -> None:
        verb, flag = purpose
        with ExitStack() as stack:
            path = ipc_path(endpoint)
            check_endpoint(endpoint, encrypted=certificates is not None)
            if path:
                try:
                    stack.enter_context(SocketLock(path))
                except OSError as error:
                    raise InputError(f"cannot {verb} {endpoint}: {error.strerror}; name another {flag}") from None
            context = zmq.Context()
            stack.callback(context.term)
            if certificates:
                gatekeeper = Gatekeeper(context, certificates)
                stack.callback(gatekeeper.close)
            self._socket = context.socket(kind)
            stack.callback(self._socket.close)
            for name, value in {**_DEFAULTS, "ipv6": endpoint.startswith("tcp://["), **options}.items():
                setattr(self._socket, name, value)
            if certificates:
                gatekeeper.guard(self._socket)
            try:
                # By address: the answer of a resolver for the name localhost is out of our hands.
                self._socket.bind(endpoint.replace("tcp://localhost:", "tcp://127.0.0.1:"))
            except zmq.ZMQError as error:
                raise InputError(f"cannot {verb} {endpoint}: {error}; name another {flag}") from None
            if path:
                # A directory that the user names may be open to others.
                path.chmod(0o600)
            self._resources = stack.pop_all()
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """The endpoint that clients connect to."""
        self.note = ""
        """A sentence for the user about who else can connect; empty: nobody else can."""
        if not path and not certificates:
            self.note = (
                f"{self.endpoint} is open to every user of this machine: an ipc endpoint or publish.curve is not"
            )

    def close(self) -> None:
        """Close the socket; the last messages have 0.3 s to leave."""
        self._resources.close()
