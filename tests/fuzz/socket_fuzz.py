"""Attack the daemon's sockets and its subscribers with broken messages, while good clients are served."""

import json
import random
import select
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import zmq

from adapters.wire.control import ask
from adapters.wire.curve import CertificateFolder, ClientCertificate
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from tests.fuzz.attacker import Attacker
from tests.fuzz.growth import AGAIN, GROWTH, MemoryGrowth, Progress

PATIENCE = 5.0
"""Seconds for an answer."""


@dataclass(slots=True)
class SocketRun:
    """The faults, the served clients and the memory of a run."""

    inputs: int = 0
    served: int = 0
    """Requests of good clients that were answered."""
    slowest: float = 0.0
    """Seconds of the slowest of them."""
    received: int = 0
    """Messages that good subscribers received."""
    memory: dict[str, MemoryGrowth] = field(default_factory=dict)
    """Memory of each process."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        memory = ", ".join(
            f"{name} by {memory.growth:.1f} (peak {memory.peak:.1f})" for name, memory in self.memory.items()
        )
        return (
            f"sockets: {self.inputs} inputs, {self.served} good requests answered (slowest {self.slowest:.2f} s), "
            f"{self.received} messages received, grown: {memory} MB, "
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

    def answer(self, patience: float = PATIENCE) -> dict[str, Any]:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], patience)[0]:
            raise TimeoutError(f"no answer within {patience:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"ended with {self.process.wait()}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self.answer()

    def end(self) -> str:
        """End the process; return what is wrong with its end, or its words on standard error."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        return self._last_words() or (f"ended with {code}" if code else "")

    def _last_words(self) -> str:
        assert self.process.stderr is not None
        return " ".join(self.process.stderr.read().split()[-40:])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


class _Good:
    """Clients that must be served all the time."""

    def __init__(self, text: list[str], control: list[str], metrics: str, certificate: ClientCertificate) -> None:
        self._metrics = metrics
        certificates = [None, None, certificate]
        self._control = list(zip(control, certificates, strict=True))
        self.subscribers = [Subscriber(at, certificate=each) for at, each in zip(text, certificates, strict=True)]
        self._turn = 0

    def ask(self, run: SocketRun) -> None:
        endpoint, certificate = self._control[self._turn % len(self._control)]
        self._turn += 1
        start = time.monotonic()
        try:
            ask(endpoint, "status", certificate=certificate, timeout=PATIENCE)
        except InputError as error:
            run.faults.append(f"a good request was not answered: {error}")
        try:
            with urlopen(self._metrics, timeout=PATIENCE) as scraped:
                if b"emgtype_state" not in scraped.read():
                    run.faults.append("the metrics are not those of a daemon")
        except OSError as error:
            run.faults.append(f"the metrics could not be read: {error}")
        run.served += 1
        run.slowest = max(run.slowest, time.monotonic() - start)

    def receive(self, run: SocketRun) -> None:
        for number, subscriber in enumerate(self.subscribers):
            while subscriber.receive(0) is not None:
                run.received += 1
            if subscriber.lost:
                run.faults.append(f"subscriber {number} lost {subscriber.lost} messages")
                subscriber.lost = 0


def fuzz_sockets(progress: Progress, seed: int = 0) -> SocketRun:
    """Attack the sockets."""
    run, chance = SocketRun(), random.Random(f"sockets {seed}")
    begun, again = chance.getstate(), False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emgtype-fuzz-")))
        context = stack.enter_context(zmq.Context())
        publisher = stack.enter_context(context.socket(zmq.PUB))
        publisher.linger = 0
        publisher.bind(f"ipc://{folder}/bad")
        children = {"daemon": _Child("serve", str(folder)), "subscriber": _Child("listen", f"ipc://{folder}/bad")}
        for child in children.values():
            stack.callback(child.close)
        text, control, metrics = (children["daemon"].began[name] for name in ("text", "control", "metrics"))
        good = _Good(text, control, metrics, CertificateFolder(folder / "keys").own_client())
        for subscriber in good.subscribers:
            stack.enter_context(subscriber)
        attacker = Attacker(chance, context)
        stack.callback(attacker.close)
        run.memory = {name: MemoryGrowth() for name in children}
        try:
            while (done := progress(run.inputs)) < 1:
                if done > AGAIN and not again:
                    again = True
                    chance.setstate(begun)
                    for memory in run.memory.values():
                        memory.again()
                attacker.attack(chance.choice((*text, *control, metrics)))
                publisher.send_multipart(attacker.message())
                run.inputs += 1
                if run.inputs % 20 == 0:
                    good.ask(run)
                    good.receive(run)
                    for name, child in children.items():
                        run.memory[name].push(child.ask()["mb"])
            run.faults += [f"the {name}: {problem}" for name, child in children.items() if (problem := child.end())]
        except (TimeoutError, ChildProcessError, subprocess.TimeoutExpired) as error:
            run.faults.append(str(error))
    run.faults += [
        f"the {name} grew by {memory.growth:.1f} MB" for name, memory in run.memory.items() if memory.growth > GROWTH
    ]
    return run
