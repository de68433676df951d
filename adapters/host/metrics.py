"""Figures for Prometheus, over HTTP on this machine's loopback interface; counts and times, never text."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from adapters.files.closing import Closing
from adapters.host._http import BoundedServer
from messages.errors import InputError

_COUNTS = {
    "samples": "Samples received.",
    "lost": "Samples that were sent and never came.",
    "gaps": "Long gaps in the data.",
    "masked": "Frames that were masked because samples are missing.",
    "stalls": "Silences of 0.2 s.",
    "overflows": "Messages that found the queue of a subscriber full.",
    "rejected": "Decoded keys that were rejected for their low confidence.",
}
"""Help by the name of a figure of the status that only grows."""
_GAUGES = {
    "skew_ms": ("skew_seconds", "Time between the bands' samples that were paired.", 1e-3),
    "age_ms": ("age_seconds", "Age of the newest sample.", 1e-3),
    "idle": ("idle_ratio", "Share of the time in which nobody typed.", 1.0),
}
"""Metric, help, and factor to base units, by the name of a figure of the status that goes up and down."""
_LAST_PORT = 65535


class MetricsServer(Closing, Collector):
    """Answers `GET /metrics`. Use it in a `with`.

    Args:
        address: HOST:PORT on loopback (port 0: any free port).

    Raises:
        InputError: The address cannot be read, is in use, or can be reached from other machines.
    """

    def __init__(self, address: str) -> None:
        host, port = _loopback(address)
        self._status_by_person: Mapping[str, Mapping[str, Any]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        try:
            self._server = BoundedServer(host, port, self._answer)
        except OSError as error:
            raise InputError(f"cannot serve metrics at {address}: {error.strerror}; name another address") from None
        self.address = f"{host}:{self._server.port}"
        """The address that it listens at."""

    def update(self, person: str, status: Mapping[str, Any]) -> None:
        """Replace a person's figures, given as the answer of the request `status`."""
        # Replaced as a whole, since the server's thread reads it.
        self._status_by_person = {**self._status_by_person, person: status}

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all people, for Prometheus."""
        people = self._status_by_person
        state = GaugeMetricFamily("emgtype_state", "1 for the state of a person's daemon.", labels=["person", "state"])
        stages = SummaryMetricFamily("emgtype_stage_seconds", "Time of a stage's calls.", labels=["person", "stage"])
        for person, status in people.items():
            state.add_metric([person, status["state"]], 1)
        yield state
        for name, text in _COUNTS.items():
            counter = CounterMetricFamily(f"emgtype_{name}", text, labels=["person"])
            for person, status in people.items():
                if status.get(name) is not None:
                    counter.add_metric([person], status[name])
            yield counter
        for name, (metric, text, factor) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"emgtype_{metric}", text, labels=["person"])
            for person, status in people.items():
                if status.get(name) is not None:
                    gauge.add_metric([person], factor * status[name])
            yield gauge
        for person, status in people.items():
            for stage, spread in status["stages_ms"].items():
                for quantile, value in _quantiles(spread):
                    labels = {"person": person, "stage": stage, "quantile": quantile}
                    stages.add_sample("emgtype_stage_seconds", labels, 1e-3 * value)
        yield stages

    def _answer(self, request: Mapping[str, Any], start: Callable[..., Any]) -> list[bytes]:
        """Answer a request, as WSGI defines it.

        It reads no header, unlike prometheus_client's own application, which fails on some.
        """
        status, body = HTTPStatus.OK, b""
        if request["REQUEST_METHOD"] != "GET":
            status = HTTPStatus.METHOD_NOT_ALLOWED
        elif request["PATH_INFO"] != "/metrics":
            status = HTTPStatus.NOT_FOUND
        else:
            body = generate_latest(self._registry)
        start(f"{status.value} {status.phrase}", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [body]

    def close(self) -> None:
        """Close all connections and stop listening."""
        self._server.close()


def _quantiles(spread: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for name, quantile in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")):
        if name in spread:
            yield quantile, spread[name]


def _loopback(address: str) -> tuple[str, int]:
    """Return the host and the port of an address on loopback."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        inside, number = False, -1
    if not inside or not 0 <= number <= _LAST_PORT:
        raise InputError(
            f"metrics cannot be served at {address!r}: expected a loopback address with a port, 127.0.0.1:9464"
        )
    return ("127.0.0.1" if host == "localhost" else host), number
