"""A ZeroMQ socket that others connect to, where only those can who may read what is typed."""

from contextlib import ExitStack
from typing import Any

import zmq

from adapters.files.closing import Closing
from adapters.wire._socket_lock import SocketLock
from adapters.wire.curve import Gatekeeper, KeyFolder
from adapters.wire.endpoint import check_endpoint, ipc_path
from messages.errors import InputError

_LINGER_MS = 300  # at the end, for the last messages to leave
_LONGEST = 1 << 16  # bytes: ZeroMQ drops whoever sends more at once, unread; we are sent requests and subscriptions
_WAITING = 32  # messages from each peer, and to each, before it must wait, or loses some
_DEFAULTS = {"linger": _LINGER_MS, "maxmsgsize": _LONGEST, "rcvhwm": _WAITING, "sndhwm": _WAITING}


class BoundSocket(Closing):
    """Bound as soon as it is made. Use it in a `with`.

    Args:
        kind: Of the socket, zmq.PUB and the like.
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free one); with keys any TCP address.
        what: What it is bound for, and the flag that names another endpoint: for the sentence that refuses.
        keys: Only clients whose keys these are get in, and everything is encrypted; None: whoever can reach it.
        options: Of the socket, by their names in pyzmq.

    Raises:
        InputError: An endpoint in use, or one that others could reach; keys that cannot be read.
    """

    def __init__(
        self, kind: int, endpoint: str, what: tuple[str, str], *, keys: KeyFolder | None = None, **options: Any
    ) -> None:
        with ExitStack() as stack:
            path = ipc_path(endpoint)
            check_endpoint(endpoint, encrypted=keys is not None)
            if path:
                try:
                    stack.enter_context(SocketLock(path))
                except OSError as error:
                    raise InputError(f"cannot {what[0]} {endpoint}: {error.strerror}; name another {what[1]}") from None
            context = zmq.Context()
            stack.callback(context.term)
            if keys:
                gatekeeper = Gatekeeper(context, keys)
                stack.callback(gatekeeper.close)
            self._socket = context.socket(kind)
            stack.callback(self._socket.close)
            for name, value in {**_DEFAULTS, "ipv6": endpoint.startswith("tcp://["), **options}.items():
                setattr(self._socket, name, value)
            if keys:
                gatekeeper.guard(self._socket)
            try:
                # As an address: what a resolver says of the name is out of our hands.
                self._socket.bind(endpoint.replace("tcp://localhost:", "tcp://127.0.0.1:"))
            except zmq.ZMQError as error:
                raise InputError(f"cannot {what[0]} {endpoint}: {error}; name another {what[1]}") from None
            if path:
                path.chmod(0o600)  # a directory that the user names may be open to others
            self._given_back = stack.pop_all()
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where others connect."""
        self.note = ""
        """What the user should know about who else can connect."""
        if not path and not keys:
            self.note = (
                f"{self.endpoint} is open to every user of this machine: an ipc endpoint or publish.curve is not"
            )

    def close(self) -> None:
        """Give the socket back; the last messages have 0.3 s to leave."""
        self._given_back.close()
