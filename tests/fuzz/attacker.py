"""Open connections to ZeroMQ and HTTP sockets with something wrong about them."""

import random
import socket
from collections import deque
from contextlib import suppress
from urllib.parse import urlparse

import zmq

from tests.fuzz.mutate import changed
from tests.fuzz.targets import TARGETS

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(23, b"\0") + bytes(32)
_READY = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x03"  # and three letters
_SUBSCRIBES = b"\x00\x05\x01keys\x00\x06\x01final\x00\x05\x00keys\x04\x0e\x09SUBSCRIBEkeys"
# No XSUB: libzmq 4.3.5 crashes in who sends what is no subscription by it. Raw bytes do that here.
_KINDS = (zmq.REQ, zmq.DEALER, zmq.PUSH, zmq.PUB, zmq.SUB, zmq.ROUTER)
_LONGEST = 50_000  # bytes of a part: libzmq crashes in who is dropped for more amid parts (libzmq#3442). As above
_SEPARATOR = b"\xff\xff"  # of parts, in the seeds
_OPEN = 50  # connections that stay
_SCRAPES = (
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;version=1.0.0;q=0.5,*/*\r\n\r\n",
    b"GET /metrics?name[]=emgtype_state&name[]=x HTTP/1.0\r\nAccept-Encoding: gzip, deflate\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    b"OPTIONS * HTTP/1.1\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n" * 3,
)


class Attacker:
    """Makes one broken connection at a time; some stay open, and get a byte now and then."""

    def __init__(self, chance: random.Random, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._chance = chance
        self._context = context
        self._requests = list(TARGETS["control"].seeds())
        self._messages = list(TARGETS["message"].seeds())
        self._open: deque[socket.socket] = deque()

    def message(self) -> list[bytes]:
        """Return a message that no publisher should send."""
        return self._parts(self._messages, 200_000)

    def attack(self, endpoint: str) -> None:
        """Make a broken connection to a ZeroMQ endpoint, or to http://HOST:PORT."""
        if self._open:
            with suppress(OSError):
                self._chance.choice(self._open).send(self._chance.choice((b"G", b"\xff", b"\r", b"\n", b"\0")))
        if endpoint.startswith("http"):
            self._raw(endpoint, self._chance.choice(_SCRAPES))
        elif self._chance.random() < 0.5:
            asked = b"".join(b"\x01\x00" + bytes([0, len(r)]) + r for r in self._requests if len(r) < 256)
            self._raw(endpoint, _GREETING + _READY + self._chance.choice((b"REQ" + asked, b"SUB" + _SUBSCRIBES)))
        else:
            self._zmq(endpoint)

    def close(self) -> None:
        """Close the connections that are open."""
        while self._open:
            self._open.popleft().close()

    def _parts(self, seeds: list[bytes], longest: int = _LONGEST) -> list[bytes]:
        chance = self._chance
        if chance.random() < 0.1:
            return [chance.randbytes(chance.choice((0, 1, 5000, longest))) for _ in range(chance.randint(1, 40))]
        data = chance.choice(seeds)
        return (changed(chance, data) if chance.random() < 0.9 else data).split(_SEPARATOR)

    def _zmq(self, endpoint: str) -> None:
        chance = self._chance
        kind = chance.choice(_KINDS)
        with self._context.socket(kind) as bad:
            bad.linger = chance.choice((0, 20))
            bad.connect(endpoint)
            if kind == zmq.SUB:
                for _ in range(chance.randint(0, 50)):
                    bad.subscribe(chance.randbytes(chance.randint(0, 300)))
                return
            bad.sndtimeo = 20
            for _ in range(chance.choice((1, 1, 20))):
                with suppress(zmq.ZMQError):
                    bad.send_multipart(self._parts(self._requests))

    def _raw(self, endpoint: str, whole: bytes) -> None:
        chance, where = self._chance, urlparse(endpoint)
        bad = socket.socket(socket.AF_INET if where.port else socket.AF_UNIX)
        with suppress(OSError):
            bad.settimeout(0.05)
            bad.connect(("127.0.0.1", where.port) if where.port else where.path)
            data = chance.choice(
                (changed(chance, whole), whole[: len(_GREETING)] + chance.randbytes(300), self._long(whole))
            )
            while data:
                cut = chance.choice((1, 10, 64, len(data))) if len(data) < 1000 else len(data) // 2
                bad.sendall(data[:cut])
                data = data[cut:]
            if chance.random() < 0.3:
                bad.recv(1000)
        self._open.append(bad)
        if chance.random() < 0.8:
            self._open.pop().close()
        elif len(self._open) > _OPEN:
            self._open.popleft().close()

    def _long(self, whole: bytes) -> bytes:
        """Return a part longer than any reader takes, whose header states another length."""
        chance = self._chance
        stated_length = chance.choice((60_000, 200_000, 1 << 40, 1 << 63))
        begun = whole[: chance.choice((len(whole), chance.randrange(len(whole))))]
        return begun + chance.choice((b"", b"\x02", b"\x03")) + stated_length.to_bytes(8) + chance.randbytes(200_000)
