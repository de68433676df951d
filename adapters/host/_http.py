"""An HTTP server that clients can neither crowd nor hang: with too many connections the oldest one is closed."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from adapters.files.closing import Closing

_OPEN = 16
"""Number of connections at once; an honest client is done long before as many others come."""
_POLL_S = 0.1
"""Time until the server's thread notices that it shall end."""


class BoundedServer(Closing):
    """Serves a WSGI application in threads of its own, and logs nothing of its clients. Use it in a `with`.

    Args:
        host: An address of this machine.
        port: The port; 0: any free port.
        application: The WSGI application.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, application: Callable[..., Any]) -> None:
        self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        self._server.set_app(application)
        self.port = self._server.server_port
        """The port that it listens at."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close all connections and stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_oldest(0)
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Longer than usual, since a client that finds the queue full waits for TCP's next attempt.
    request_queue_size = 4 * _OPEN

    def __init__(self, *arguments: Any) -> None:
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Make room for the new connection, then serve it in a thread."""
        self.drop_oldest(_OPEN - 1)
        with self._lock:
            self._open.append(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has been served."""
        with self._lock, suppress(ValueError):
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that broke off."""

    def drop_oldest(self, keep: int) -> None:
        """Close the oldest connections until `keep` are left; their threads end with them."""
        with self._lock:
            for oldest in self._open[: max(0, len(self._open) - keep)]:
                self._open.remove(oldest)
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the requests of clients are private."""
