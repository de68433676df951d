"""The process whose sockets are given what nobody should send: the daemon's, or a subscriber's.

`serve FOLDER` binds them and says where; `listen ENDPOINT` reads what somebody publishes there. Both end with their
standard input, and say at the end, or when asked by a line, how they fare.
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
from tests.fuzz.kept import own_memory

_EVERY = 0.002  # seconds between two events


def _asked() -> bool:
    """Whether somebody waits for how we fare; EOFError once nobody listens any more."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        return False
    if not sys.stdin.readline():
        raise EOFError
    return True


def _say(**figures: object) -> None:
    print(json.dumps({"mb": own_memory(), **figures}), flush=True)


def serve(folder: Path) -> None:
    """A daemon's sockets: files, addresses, and addresses with CURVE."""
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
        _say(metrics=where, text=[pub.endpoint for pub in pubs], control=[control.endpoint for control in controls])
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
                _say()
            time.sleep(_EVERY)


def listen(endpoint: str) -> None:
    """A subscriber."""
    heard = refused = 0
    with Subscriber(endpoint, topics=tuple(KINDS)) as subscriber:
        _say()
        while True:
            try:
                heard += subscriber.receive(0.01) is not None
            except InputError:
                refused += 1
            if _asked():
                _say(heard=heard, refused=refused)


def main() -> None:
    """Command line."""
    try:
        serve(Path(sys.argv[2])) if sys.argv[1] == "serve" else listen(sys.argv[2])
    except EOFError:
        return


if __name__ == "__main__":
    main()
