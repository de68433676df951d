"""A daemon without bands and models: real sockets and the real recent text, attended to in a loop."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.wire.control import ControlSocket
from adapters.wire.curve import CertificateFolder
from adapters.wire.endpoint import control_endpoint
from adapters.wire.format import Encoding
from adapters.wire.publisher import Publisher, PubSocket
from emgtype.live.recent import Recent
from messages.charset import LABELS
from messages.errors import InputError
from messages.text import Key, TextEvent


class DictatedPerson:
    """One person whose keys a test types."""

    def __init__(self, socket: PubSocket, name: str) -> None:
        self.publisher = Publisher(socket, "session", name)
        self.recent = Recent(self.publisher)
        self._seq = 0

    def edit(self, erase: int, insert: str, tail: int) -> None:
        event = TextEvent(erase, tuple(Key(LABELS[key], 1.5, 0.9) for key in insert), tail, 2.0, self._seq)
        self._seq += 1
        self.publisher.push(event)
        self.recent.push(event)


class Daemon:
    """A daemon in a thread of its own, in which the orders of tests are carried out."""

    def __init__(
        self,
        endpoint: str,
        control: str,
        people: tuple[str, ...],
        certificates: CertificateFolder | None,
        encoding: Encoding,
    ):
        self.asked: list[tuple[str, str | None, str | None]] = []
        self._actions: queue.Queue[Callable[[], None]] = queue.Queue()
        self._over = threading.Event()
        self._stack = ExitStack()
        socket = self._stack.enter_context(PubSocket(endpoint, encoding=encoding, certificates=certificates))
        self.endpoint = socket.endpoint
        self._control = self._stack.enter_context(
            ControlSocket(control or control_endpoint(socket.endpoint), certificates=certificates)
        )
        self.control = self._control.endpoint
        self._people = {name: DictatedPerson(socket, name) for name in people}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def type(self, insert: str, tail: int = 0, erase: int = 0, person: str = "ann") -> None:
        """Publish an edit, and wait until that is done."""
        self.do(lambda: self._people[person].edit(erase, insert, tail))

    def beat(self) -> None:
        """Publish the heartbeats of all people."""
        for each in self._people.values():
            self.do(each.publisher.heartbeat)

    def status(self) -> None:
        """Publish the status of all people."""
        for each in self._people.values():
            self.do(partial(each.publisher.status, lambda: {"state": "decoding"}))

    def mark(self, name: str) -> None:
        """Publish a mark for all people."""
        for each in self._people.values():
            self.do(partial(each.publisher.mark, name, 3.5))

    def do(self, action: Callable[[], Any]) -> None:
        done = threading.Event()

        def step() -> None:
            try:
                action()
            finally:
                done.set()

        self._actions.put(step)
        assert done.wait(10)

    def _run(self) -> None:
        while not self._over.is_set():
            self._control.attend(self._answer)
            with suppress(queue.Empty):
                self._actions.get(timeout=0.002)()

    def _answer(self, do: str, person: str | None, arg: str | None) -> Mapping[str, Any]:
        self.asked.append((do, person, arg))
        if person not in (None, *self._people):
            raise InputError(f"nobody is called {person} here")
        if do != "snapshot":
            return {"did": do}
        chosen = {name: each for name, each in self._people.items() if person in (None, name)}
        return {"people": {name: each.recent.snapshot() for name, each in chosen.items()}}

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._stack.close()


Start = Callable[..., Any]


@pytest.fixture
def daemon(tmp_path: Path) -> Start:
    """Starts daemons: `with daemon() as d`."""

    @contextmanager
    def start(
        *people: str,
        endpoint: str = f"ipc://{tmp_path}/text",
        control: str = "",
        certificates: CertificateFolder | None = None,
        encoding: Encoding = "json",
    ) -> Iterator[Daemon]:
        running = Daemon(endpoint, control, people or ("ann",), certificates, encoding)
        try:
            yield running
        finally:
            running.close()

    return start
