"""Run the daemon's sockets, or a subscriber, for the attacks of tests.fuzz.socket_fuzz.

`serve FOLDER` binds the sockets and prints their addresses; `listen ENDPOINT` reads the messages published there. Both
end with their standard input, and print their memory and counts at the end and for each line of input.
"""

import json
import select
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from adapters.host.metrics import MetricsServer
from adapters.wire.control import ControlSocket
from adapters.wire.curve import CertificateFolder
from adapters.wire.format import KINDS
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from messages.text import Key, TextEvent
from tests.fuzz.growth import own_memory

_EVERY = 0.002
"""Seconds between two events."""


def _asked() -> bool:
    """Tell whether a line of input asks for the figures.

    Raises:
        EOFError: The input has ended.
    """
    if not select.select([sys.stdin], [], [], 0)[0]:
        return False
    if not sys.stdin.readline():
        raise EOFError
    return True


def _print(**figures: object) -> None:
    print(json.dumps({"mb": own_memory(), **figures}), flush=True)


def serve(folder: Path) -> None:
    """Serve a daemon's sockets: files, addresses, and addresses with CURVE."""
    with ExitStack() as stack:
        certificates = CertificateFolder(folder / "keys")
        tcp = "tcp://127.0.0.1:*"
        pubs = [PubSocket(f"ipc://{folder}/text"), PubSocket(tcp), PubSocket(tcp, certificates=certificates)]
        locked = ControlSocket(tcp, certificates=certificates)
        controls = [ControlSocket(f"ipc://{folder}/control"), ControlSocket(tcp), locked]
        for socket in (*pubs, *controls):
            stack.enter_context(socket)
        metrics = stack.enter_context(MetricsServer("127.0.0.1:0"))
        where = f"http://{metrics.address}/metrics"
        _print(metrics=where, text=[pub.endpoint for pub in pubs], control=[control.endpoint for control in controls])
        publishers = [Publisher(pub, "session", "me") for pub in pubs]
        number, beaten = 0, 0.0
        while True:
            for control in controls:
                control.attend(lambda do, _person, _arg: {"did": do})
            for publisher in publishers:
                publisher.push(TextEvent(0, (Key(number % 98, number * 1.0, 0.5),), 0, number * 1.0, number))
            number += 1
            if time.monotonic() - beaten > 1:
                beaten = time.monotonic()
                metrics.update("me", {"state": "decoding", "samples": number, "stages_ms": {}})
                for publisher in publishers:
                    publisher.heartbeat()
            if _asked():
                _print()
            time.sleep(_EVERY)


def listen(endpoint: str) -> None:
    """Run a subscriber."""
    received = refused = 0
    with Subscriber(endpoint, topics=tuple(KINDS)) as subscriber:
        _print()
        while True:
            try:
                received += subscriber.receive(0.01) is not None
            except InputError:
                refused += 1
            if _asked():
                _print(received=received, refused=refused)


def main() -> None:
    """Run the command line."""
    try:
        serve(Path(sys.argv[2])) if sys.argv[1] == "serve" else listen(sys.argv[2])
    except EOFError:
        return


if __name__ == "__main__":
    main()
