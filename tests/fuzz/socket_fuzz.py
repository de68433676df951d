"""What nobody should send, sent to the daemon's sockets and to its subscribers, while good clients are served."""

import json
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import zmq

from adapters.control import ask
from adapters.curve import ClientKeys, KeyFolder
from adapters.subscriber import Subscriber
from decoder.errors import InputError
from tests.fuzz.mutate import changed
from tests.fuzz.targets import TARGETS

PATIENCE = 5.0
"""Seconds for an answer."""
GROWTH = 20.0
"""MB that a process may grow by after its first inputs."""
_FIRST = 200  # inputs after which growth counts
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(23, b"\0") + bytes(32)
_READY = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x03"  # and three letters
_SUBSCRIBES = b"\x00\x05\x01keys\x00\x06\x01final\x00\x05\x00keys\x04\x0e\x09SUBSCRIBEkeys"
# No XSUB: libzmq 4.3.5 crashes in who sends what is no subscription by it. Raw bytes do that here.
_KINDS = (zmq.REQ, zmq.DEALER, zmq.PUSH, zmq.PUB, zmq.SUB, zmq.ROUTER)
_SEPARATOR = b"\xff\xff"  # of parts, in the seeds


@dataclass(slots=True)
class SocketRun:
    """What came of it."""

    inputs: int = 0
    served: int = 0
    """Requests of good clients that were answered."""
    slowest: float = 0.0
    """Seconds for one of them."""
    heard: int = 0
    """Messages that good subscribers heard."""
    growth: dict[str, float] = field(default_factory=dict)
    """MB, of each process."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        grown = ", ".join(f"{name} by {mb:.1f}" for name, mb in self.growth.items())
        return (
            f"sockets: {self.inputs} inputs, {self.served} good requests answered (slowest {self.slowest:.2f} s), "
            f"{self.heard} messages heard, grown {grown} MB, "
            + ("no fault" if not self.faults else f"{len(self.faults)} FAULTS: {'; '.join(self.faults)}")
        )


class _Child:
    """A process of `tests.fuzz.socket_child`."""

    def __init__(self, *call: str) -> None:
        command = [sys.executable, "-m", "tests.fuzz.socket_child", *call]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.began = self.answer(60.0)
        self.first = self.began["mb"]

    def answer(self, patience: float = PATIENCE) -> dict[str, Any]:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], patience)[0]:
            raise TimeoutError(f"no answer within {patience:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"ended with {self.process.wait()}: {self._last_words()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self.answer()

    def _last_words(self) -> str:
        assert self.process.stderr is not None
        return " ".join(self.process.stderr.read().split()[-40:])

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class _Attacker:
    """Sends one thing at a time."""

    def __init__(self, chance: random.Random, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._chance = chance
        self._context = context
        self._requests = list(TARGETS["control"].seeds())
        self._messages = list(TARGETS["message"].seeds())

    def parts(self, seeds: list[bytes]) -> list[bytes]:
        chance = self._chance
        if chance.random() < 0.1:
            return [chance.randbytes(chance.choice((0, 1, 5000, 200_000))) for _ in range(chance.randint(1, 40))]
        data = chance.choice(seeds)
        return (changed(chance, data) if chance.random() < 0.9 else data).split(_SEPARATOR)

    def message(self) -> list[bytes]:
        return self.parts(self._messages)

    def attack(self, endpoint: str) -> None:
        """A connection with something wrong about it."""
        if self._chance.random() < 0.5:
            self._raw(endpoint)
        else:
            self._zmq(endpoint)

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
                    bad.send_multipart(self.parts(self._requests))

    def _raw(self, endpoint: str) -> None:
        chance, where = self._chance, urlparse(endpoint)
        family = socket.AF_INET if where.port else socket.AF_UNIX
        with socket.socket(family) as bad, suppress(OSError):
            bad.settimeout(0.05)
            bad.connect(("127.0.0.1", where.port) if where.port else where.path)
            asked = b"".join(b"\x01\x00" + bytes([0, len(r)]) + r for r in self._requests if len(r) < 256)
            whole = _GREETING + _READY + chance.choice((b"REQ" + asked, b"SUB" + _SUBSCRIBES))
            data = chance.choice((changed(chance, whole), chance.randbytes(300), _GREETING + chance.randbytes(300)))
            while data:
                cut = chance.choice((1, 10, 64, len(data)))
                bad.sendall(data[:cut])
                data = data[cut:]
            if chance.random() < 0.3:
                bad.recv(1000)


class _Good:
    """Clients that must be served all the while."""

    def __init__(self, text: list[str], control: list[str], keys: ClientKeys) -> None:
        secret = [None, None, keys]
        self._control = list(zip(control, secret, strict=True))
        self.subscribers = [Subscriber(where, keys=key) for where, key in zip(text, secret, strict=True)]
        self._turn = 0

    def ask(self, run: SocketRun) -> None:
        endpoint, keys = self._control[self._turn % len(self._control)]
        self._turn += 1
        start = time.monotonic()
        try:
            ask(endpoint, "status", keys=keys, timeout=PATIENCE)
        except InputError as error:
            run.faults.append(f"a good request was not answered: {error}")
        run.served += 1
        run.slowest = max(run.slowest, time.monotonic() - start)

    def hear(self, run: SocketRun) -> None:
        for number, subscriber in enumerate(self.subscribers):
            while subscriber.receive(0) is not None:
                run.heard += 1
            if subscriber.lost:
                run.faults.append(f"subscriber {number} lost {subscriber.lost} messages")
                subscriber.lost = 0


def fuzz_sockets(go_on: Callable[[int], bool], seed: int = 0) -> SocketRun:
    """Attack while `go_on` (with the number of inputs) holds."""
    run, chance = SocketRun(), random.Random(f"sockets {seed}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emgtype-fuzz-")))
        context = stack.enter_context(zmq.Context())
        publisher = stack.enter_context(context.socket(zmq.PUB))
        publisher.linger = 0
        publisher.bind(f"ipc://{folder}/bad")
        children = {"daemon": _Child("serve", str(folder)), "subscriber": _Child("listen", f"ipc://{folder}/bad")}
        for child in children.values():
            stack.callback(child.close)
        text, control = (children["daemon"].began[name] for name in ("text", "control"))
        good = _Good(text, control, KeyFolder(folder / "keys").own_client())
        for subscriber in good.subscribers:
            stack.enter_context(subscriber)
        attacker = _Attacker(chance, context)
        try:
            while go_on(run.inputs):
                attacker.attack(chance.choice((*text, *control)))
                publisher.send_multipart(attacker.message())
                run.inputs += 1
                if run.inputs % 20 == 0:
                    good.ask(run)
                    good.hear(run)
                    for name, child in children.items():
                        mb = child.ask()["mb"]
                        if run.inputs <= _FIRST:
                            child.first = mb
                        run.growth[name] = mb - child.first
        except (TimeoutError, ChildProcessError) as error:
            run.faults.append(str(error))
    run.faults += [f"the {name} grew by {mb:.0f} MB" for name, mb in run.growth.items() if mb > GROWTH]
    return run
