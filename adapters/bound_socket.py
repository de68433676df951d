"""A ZeroMQ socket that others connect to, where only those can who may read what is typed."""

from pathlib import Path

import zmq

from adapters.closing import Closing
from adapters.endpoint import check_endpoint
from decoder.errors import InputError

_LINGER_MS = 300  # at the end, for the last messages to leave


class BoundSocket(Closing):
    """Bound as soon as it is made. Use it in a `with`.

    Args:
        kind: Of the socket, zmq.PUB and the like.
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT (port 0: any free one).
        what: What it is bound for, and the flag that names another endpoint: for the sentence that refuses.
        options: Of the socket, by their names in pyzmq.

    Raises:
        InputError: An endpoint in use, or one that others could reach.
    """

    def __init__(self, kind: int, endpoint: str, what: tuple[str, str], **options: int) -> None:
        check_endpoint(endpoint)
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        for name, value in {"linger": _LINGER_MS, "ipv6": endpoint.startswith("tcp://["), **options}.items():
            setattr(self._socket, name, value)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(f"cannot {what[0]} {endpoint}: {error}; name another {what[1]}") from None
        if endpoint.startswith("ipc://"):
            Path(endpoint.removeprefix("ipc://")).chmod(0o600)  # a directory that the user names may be open to others
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where others connect."""

    def close(self) -> None:
        """Give the socket back; the last messages have 0.3 s to leave."""
        self._socket.close()
        self._context.term()
