"""Requests to a running daemon: JSON over ZeroMQ, one object in, one object out. See docs/protocol.md."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import zmq

from adapters.wire._bound_socket import BoundSocket
from adapters.wire.curve import CertificateFolder, ClientCertificate
from messages.errors import InputError

VERSION = 1
LONGEST = 4096
"""Bytes of the longest request."""
_FIELDS = ("do", "person", "arg", "id")
_AT_ONCE = 16
"""Number of requests that one call of `attend` answers at most."""
_REMEMBERED = 256
"""Number of ids of earlier requests that are remembered."""

Answer = Callable[[str, str | None, str | None], Mapping[str, Any]]
"""Answers a request: its name, the person (None: everybody) and the argument in, plain values out.

It raises InputError to refuse the request.
"""


class ControlSocket(BoundSocket):
    """The socket that takes requests. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT.
        certificates: Only clients that are allowed here may ask, then at any TCP address; None: anybody who can reach
            the endpoint may ask.

    Raises:
        InputError: The endpoint is in use, or others could reach it.
    """

    def __init__(self, endpoint: str, *, certificates: CertificateFolder | None = None) -> None:
        self._done: deque[str] = deque(maxlen=_REMEMBERED)
        # ROUTER, since after a message that no REQ socket sent, REP would wait for another and forget whom to answer.
        super().__init__(zmq.ROUTER, endpoint, ("take requests at", "--control"), certificates=certificates)

    def attend(self, answer: Answer) -> None:
        """Answer the requests that wait, without waiting.

        No request can raise an error here, and no number of requests can delay the daemon.
        """
        for _ in range(_AT_ONCE):
            if not self._socket.poll(0):
                return
            client, *parts = self._socket.recv_multipart()
            # An empty part comes first in what REQ sockets send; anything else is no request.
            if parts[:1] == [b""]:
                self._socket.send_multipart([client, b"", _json(self._reply(parts[1:], answer))])

    def _reply(self, parts: list[bytes], answer: Answer) -> Mapping[str, Any]:
        try:
            do, person, arg, request_id = _request(parts)
            self._refuse_repeated(request_id)
            values = answer(do, person, arg)
        except InputError as error:
            return {"v": VERSION, "ok": False, "error": str(error)}
        if request_id is not None:
            self._done.append(request_id)
        return {"v": VERSION, "ok": True, **values}

    def _refuse_repeated(self, request_id: str | None) -> None:
        if request_id is not None and request_id in self._done:
            raise InputError(
                f"the request with the id {request_id[:80]!r} was done before: expected a new id each time"
            )


def ask(
    endpoint: str,
    do: str,
    person: str | None = None,
    arg: str | None = None,
    *,
    certificate: ClientCertificate | None = None,
    timeout: float = 3.0,
) -> dict[str, Any]:
    """Send a request to a running daemon, and return its answer.

    Args:
        endpoint: Endpoint of the daemon's control socket.
        do: Name of the request.
        person: The person it is about; None: everybody.
        arg: Its argument; None: it has none.
        certificate: Certificate for a daemon that admits only clients that it knows.
        timeout: Seconds to wait for the answer.

    Raises:
        InputError: Nobody answers there, or the daemon refuses.
    """
    context = zmq.Context()
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    if certificate:
        certificate.apply(socket)
    try:
        socket.connect(endpoint)
        fields = {"do": do, "person": person, "arg": arg}
        socket.send(_json({"v": VERSION, **{key: value for key, value in fields.items() if value is not None}}))
        if not socket.poll(round(1000 * timeout)):
            raise InputError(
                f"nobody answers at {endpoint} within {timeout:g} s: start `emgtype serve`, or name its --endpoint"
            )
        reply = json.loads(socket.recv())
    except (zmq.ZMQError, ValueError) as error:
        raise InputError(
            f"cannot ask at {endpoint} ({error}): name the endpoint that the daemon prints as --control"
        ) from None
    finally:
        socket.close()
        context.term()
    if not isinstance(reply, dict) or not reply.get("ok"):
        raise InputError(str(reply.get("error") if isinstance(reply, dict) else reply))
    return reply


def _request(parts: list[bytes]) -> tuple[str, str | None, str | None, str | None]:
    """Return the name of a request, its person, its argument and its id."""
    if len(parts) != 1 or len(parts[0]) > LONGEST:
        raise InputError(
            f"a request of {len(parts)} parts and {sum(map(len, parts))} bytes came, expected one of at most {LONGEST}"
        )
    try:
        table = json.loads(parts[0])
    except (ValueError, RecursionError):
        raise InputError('the request is no JSON: expected {"v": 1, "do": "status"}') from None
    if not isinstance(table, dict) or table.get("v") != VERSION:
        raise InputError(f'the request is not of version {VERSION}: expected {{"v": {VERSION}, "do": "status"}}')
    if unknown := sorted(map(str, {*table} - {"v", *_FIELDS})):
        raise InputError(f"the request has the fields {', '.join(unknown)[:80]}: expected v, {', '.join(_FIELDS)}")
    do, person, arg, request_id = (table.get(key) for key in _FIELDS)
    optional = (person, arg, request_id)
    if isinstance(do, str) and do and all(text is None or (isinstance(text, str) and text) for text in optional):
        return do, person, arg, request_id
    raise InputError(f"{', '.join(_FIELDS)} of the request must be texts that are not empty, and do must be there")


def _json(table: Mapping[str, Any]) -> bytes:
    return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
