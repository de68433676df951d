"""Requests to a running daemon: JSON over ZeroMQ, one object in, one object out. See docs/protocol.md."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import zmq

from adapters.wire._bound_socket import BoundSocket
from adapters.wire.curve import ClientKeys, KeyFolder
from messages.errors import InputError

VERSION = 1
LONGEST = 4096
"""Bytes of a request."""
_FIELDS = ("do", "person", "arg", "id")
_AT_ONCE = 16
_REMEMBERED = 256  # ids of requests that were done

Answer = Callable[[str, str | None, str | None], Mapping[str, Any]]
"""What is asked, of whom (None: everybody), with what argument → the answer; InputError where that cannot be."""


class ControlSocket(BoundSocket):
    """Where requests come in. Use it in a `with`.

    Args:
        endpoint: ipc://PATH or tcp://127.0.0.1:PORT.
        keys: Only those whose keys these are can ask, then at any TCP address; None: whoever can reach it.

    Raises:
        InputError: An endpoint in use, or one that others could reach.
    """

    def __init__(self, endpoint: str, *, keys: KeyFolder | None = None) -> None:
        self._done: deque[str] = deque(maxlen=_REMEMBERED)
        # REP would wait for the next request where one came that no REQ socket has sent, and forget whom to answer.
        super().__init__(zmq.ROUTER, endpoint, ("take requests at", "--control"), keys=keys)

    def attend(self, answer: Answer) -> None:
        """Answer what waits, without waiting; nothing that comes can raise, nor hold us up by its number."""
        for _ in range(_AT_ONCE):
            if not self._socket.poll(0):
                return
            who, *parts = self._socket.recv_multipart()
            if parts[:1] == [b""]:  # as REQ sockets send
                self._socket.send_multipart([who, b"", _json(self._reply(parts[1:], answer))])

    def _reply(self, parts: list[bytes], answer: Answer) -> Mapping[str, Any]:
        try:
            do, person, arg, name = _request(parts)
            self._refuse_again(name)
            found = answer(do, person, arg)
        except InputError as error:
            return {"v": VERSION, "ok": False, "error": str(error)}
        if name is not None:
            self._done.append(name)
        return {"v": VERSION, "ok": True, **found}

    def _refuse_again(self, name: str | None) -> None:
        if name is not None and name in self._done:
            raise InputError(f"the request with the id {name[:80]!r} was done before: expected a new id each time")


def ask(
    endpoint: str,
    do: str,
    person: str | None = None,
    arg: str | None = None,
    *,
    keys: ClientKeys | None = None,
    timeout: float = 3.0,
) -> dict[str, Any]:
    """Ask a running daemon; None leaves a field out, `keys` are for one that lets in those alone whom it knows.

    Raises:
        InputError: Nobody answers there, or the daemon refuses.
    """
    context = zmq.Context()
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    if keys:
        keys.apply(socket)
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
        raise InputError(f"cannot ask at {endpoint} ({error}): name what the daemon says as --control") from None
    finally:
        socket.close()
        context.term()
    if not isinstance(reply, dict) or not reply.get("ok"):
        raise InputError(str(reply.get("error") if isinstance(reply, dict) else reply))
    return reply


def _request(parts: list[bytes]) -> tuple[str, str | None, str | None, str | None]:
    """What is asked, of whom, its argument, and the request's id."""
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
    if strange := sorted(map(str, {*table} - {"v", *_FIELDS})):
        raise InputError(f"the request says {', '.join(strange)[:80]}: expected v, {', '.join(_FIELDS)} at most")
    do, person, arg, name = (table.get(key) for key in _FIELDS)
    optional = (person, arg, name)
    if isinstance(do, str) and do and all(text is None or (isinstance(text, str) and text) for text in optional):
        return do, person, arg, name
    raise InputError(f"{', '.join(_FIELDS)} of the request must be texts that are not empty, and do must be there")


def _json(table: Mapping[str, Any]) -> bytes:
    return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
