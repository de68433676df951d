from urllib.error import URLError
from urllib.request import urlopen

import pytest

from adapters.metrics import MetricsServer
from decoder.errors import InputError

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


def test_what_a_scrape_gets() -> None:
    with MetricsServer("127.0.0.1:0") as server:
        assert not [line for line in scraped(server) if "person=" in line]
        server.push("ann", STATUS)
        server.push("bob", {**STATUS, "state": "paused", "lost": 7})
        lines = scraped(server)
        assert 'emgtype_state{person="ann",state="decoding"} 1.0' in lines
        assert 'emgtype_state{person="bob",state="paused"} 1.0' in lines
        assert 'emgtype_samples_total{person="ann"} 4000.0' in lines
        assert [line for line in lines if line.startswith("emgtype_lost_total")] == [
            'emgtype_lost_total{person="bob"} 7.0'
        ]
        assert 'emgtype_skew_seconds{person="ann"} 0.0125' in lines
        assert 'emgtype_stage_seconds{person="ann",quantile="0.5",stage="encoder"} 0.0005' in lines
        server.push("ann", {**STATUS, "samples": 4100})
        assert 'emgtype_samples_total{person="ann"} 4100.0' in scraped(server)
        address = server.address
    with pytest.raises(URLError):
        urlopen(f"http://{address}/metrics", timeout=5)


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9464", ":9464", "[::]:9464", "192.168.0.7:9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"]
)
def test_others_than_this_machine_cannot_scrape(address: str) -> None:
    with pytest.raises(InputError, match=r"expected a loopback address with a port, 127\.0\.0\.1:9464"):
        MetricsServer(address)


def test_an_address_in_use_is_told() -> None:
    with MetricsServer("localhost:0") as server, pytest.raises(InputError, match="Address already in use"):
        MetricsServer(server.address)
