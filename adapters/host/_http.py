"""An HTTP server that clients can neither crowd nor hang: of many connections the oldest is closed for the newest."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from adapters.files.closing import Closing

_OPEN = 16  # connections at once; who asks and waits for nothing else is done long before as many others come
_CLOSING = 0.1  # seconds until the end is noticed


class BoundedServer(Closing):
    """Answers in threads of its own, says nothing of what clients do. Use it in a `with`.

    Args:
        host: An address of this machine.
        port: 0: any free one.
        application: WSGI.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, application: Callable[..., Any]) -> None:
        self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        self._server.set_app(application)
        self.port = self._server.server_port
        """Where it listens."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_CLOSING,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._server.drop(0)
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 4 * _OPEN  # or a burst of others makes a good client wait for TCP's next attempt

    def __init__(self, *arguments: Any) -> None:
        self._open: list[socket.socket] = []
        self._changes = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.drop(_OPEN - 1)
        with self._changes:
            self._open.append(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._changes, suppress(ValueError):
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that broke off, which is no news."""

    def drop(self, most: int) -> None:
        """Close the oldest connections but so many; their threads end with them."""
        with self._changes:
            for oldest in self._open[: max(0, len(self._open) - most)]:
                self._open.remove(oldest)
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what clients ask is theirs."""
