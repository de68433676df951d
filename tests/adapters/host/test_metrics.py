import socket
from contextlib import ExitStack
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from adapters.host.metrics import MetricsServer
from messages.errors import InputError

STATUS = {
    "state": "decoding",
    "samples": 4000,
    "lost": None,
    "gaps": 2,
    "skew_ms": 12.5,
    "stages_ms": {"encoder": {"p50": 0.5, "p95": 0.7, "p99": 0.9, "max": 2.0}, "decoder": {}},
}


def scraped(server: MetricsServer) -> list[str]:
    with urlopen(f"http://{server.address}/metrics", timeout=5) as answer:
        return str(answer.read().decode()).splitlines()


def test_a_scrape_gets_every_figure() -> None:
    with MetricsServer("127.0.0.1:0") as server:
        assert not [line for line in scraped(server) if "person=" in line]
        server.update("ann", STATUS)
        server.update("bob", {**STATUS, "state": "paused", "lost": 7})
        lines = scraped(server)
        assert 'emgtype_state{person="ann",state="decoding"} 1.0' in lines
        assert 'emgtype_state{person="bob",state="paused"} 1.0' in lines
        assert 'emgtype_samples_total{person="ann"} 4000.0' in lines
        assert [line for line in lines if line.startswith("emgtype_lost_total")] == [
            'emgtype_lost_total{person="bob"} 7.0'
        ]
        assert 'emgtype_skew_seconds{person="ann"} 0.0125' in lines
        assert 'emgtype_stage_seconds{person="ann",quantile="0.5",stage="encoder"} 0.0005' in lines
        server.update("ann", {**STATUS, "samples": 4100})
        assert 'emgtype_samples_total{person="ann"} 4100.0' in scraped(server)
        address = server.address
    with pytest.raises(URLError):
        urlopen(f"http://{address}/metrics", timeout=5)


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9464", ":9464", "[::]:9464", "192.168.0.7:9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"]
)
def test_addresses_beyond_this_machine_are_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"expected a loopback address with a port, 127\.0\.0\.1:9464"):
        MetricsServer(address)


def test_an_address_in_use_is_refused() -> None:
    with MetricsServer("localhost:0") as server, pytest.raises(InputError, match="Address already in use"):
        MetricsServer(server.address)


def connected(server: MetricsServer) -> socket.socket:
    host, port = server.address.split(":")
    return socket.create_connection((host, int(port)), timeout=5)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (b"GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text;version=one\r\n\r\n", b" 200 OK"),
        (b"GET /metrics?name[]=%ff HTTP/1.1\r\nAccept-Encoding: gzip;q=x\r\n\r\n", b" 200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b" 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 99\r\n\r\n", b" 405 Method Not Allowed"),
        (b"GET " + b"x" * 70_000 + b"\r\n\r\n", b" 414 "),
        (b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n", b" 431 "),
        # The beginning of a TLS connection.
        (b"\x16\x03\x01\r\n\r\n", b"Error code: 400"),
    ],
)
def test_strange_requests_are_refused_silently(asked: bytes, line: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with MetricsServer("127.0.0.1:0") as server:
        with connected(server) as client:
            client.sendall(asked)
            with client.makefile("rb") as answer:
                assert line in answer.read()
        # A client that is gone before the answer is made.
        with connected(server) as client:
            client.sendall(asked)
        assert scraped(server)
    assert capfd.readouterr() == ("", "")


def test_clients_that_never_finish_their_request_make_room_for_others() -> None:
    with MetricsServer("127.0.0.1:0") as server:
        server.update("ann", STATUS)
        with ExitStack() as stack:
            slow = [stack.enter_context(connected(server)) for _ in range(40)]
            assert 'emgtype_samples_total{person="ann"} 4000.0' in scraped(server)
            for client in slow[:20]:
                assert client.recv(1) == b""
            slow[-1].sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert slow[-1].recv(100)
            # Open connections do not delay closing.
            server.close()
            assert slow[-2].recv(1) == b""
