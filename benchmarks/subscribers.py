"""Measure two subscribers, one of them stopped for a minute: delays at the other, and losses of both.

Three processes: a publisher as in the daemon, sending edits at an even rate, and two subscribers. One is stopped
(SIGSTOP) in the middle. Latency runs from the stamp of sending in each message to its decoding in the other subscriber.
A daemon sends some ten edits a second: at that rate nothing is lost in a minute, since the publisher queues 10,000
messages for each subscriber; hence the higher rate here. A last table has the time of an edit in the daemon's loop.

    python -m benchmarks.subscribers                 # 1000 edits a second, 20 s before, 60 s stopped, 20 s after
    python -m benchmarks.subscribers --rate 10 --json subscribers.json
    chrt -f 10 python -m benchmarks.subscribers      # on a machine that is busy with other work
"""

import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq
from rich.table import Table

from adapters.wire.format import KINDS, Encoding, Heartbeat, TextMessage
from adapters.wire.publisher import Publisher, PubSocket
from adapters.wire.subscriber import TEXT, Subscriber
from benchmarks.results import command_line, publish, spread
from messages.text import Key, TextEvent

_PHASES = ("before", "stopped", "after")
_WARM_UP = 500
"""Edits before the first that counts."""
_COSTS = 20_000
"""Edits timed."""
_OVER = 1
"""`tail` of the last edit, at which the subscribers end."""
_SUBSCRIBE = [
    sys.executable,
    "-c",
    "import sys; from benchmarks.subscribers import subscribe; subscribe(*sys.argv[1:])",
]


def subscribe(endpoint: str, out: str) -> None:
    """Run a subscriber: print a line when messages arrive; write the arrivals, delays (ms) and losses at the end."""
    first: int | None = None
    arrivals = list[tuple[int, float]]()
    with Subscriber(endpoint, "ann") as subscriber:
        while (message := subscriber.receive(60)) is not None:
            if first is None:
                first = message.next[TextMessage.KIND] if isinstance(message, Heartbeat) else message.seq
                print("receives", flush=True)
            if isinstance(message, TextMessage):
                arrivals.append((message.seq, 1e3 * (time.time() - message.sent)))
                if message.event.tail == _OVER:
                    break
        Path(out).write_text(json.dumps({"first": first, "came": arrivals, "lost": subscriber.lost}), encoding="utf-8")


def edit(tail: int = 0) -> TextEvent:
    """Return the most frequent edit of the decoder: one key."""
    return TextEvent(0, (Key(7, 1.5, 0.5),), tail, 2.0, 0)


def measure(rate: float, seconds: Sequence[float]) -> dict[str, Any]:
    """Return the latencies (ms) of the running subscriber before, during and after the stop, and the losses of both."""
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder, PubSocket(f"ipc://{folder}/text") as socket:
        publisher = Publisher(socket, "bench", "ann")
        files = [Path(folder, f"{name}.json") for name in ("awake", "stopped")]
        processes = [
            subprocess.Popen([*_SUBSCRIBE, publisher.endpoint, str(file)], stdout=subprocess.PIPE, text=True)
            for file in files
        ]
        try:
            for process in processes:
                _wait_until_it_receives(publisher, process)
            _push(publisher, _WARM_UP, rate)
            bounds = [publisher.position["next"][TextMessage.KIND]]
            for phase, length in zip(_PHASES, seconds, strict=True):
                if phase != "before":
                    processes[1].send_signal(signal.SIGSTOP if phase == "stopped" else signal.SIGCONT)
                _push(publisher, round(rate * length), rate)
                bounds.append(publisher.position["next"][TextMessage.KIND])
            while any(process.poll() is None for process in processes):
                publisher.push(edit(_OVER))
                time.sleep(0.05)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        awake, stopped = (json.loads(file.read_text(encoding="utf-8")) for file in files)
        overflows = publisher.overflows
    return {
        "rate": rate,
        "seconds": dict(zip(_PHASES, seconds, strict=True)),
        "latency_ms": {
            phase: spread([late for seq, late in awake["came"] if low <= seq < high])
            for phase, low, high in zip(_PHASES, bounds, bounds[1:], strict=False)
        },
        "lost": {name: _losses(report) for name, report in (("awake", awake), ("stopped", stopped))},
        "overflows": overflows,
    }


def _losses(report: dict[str, Any]) -> dict[str, int]:
    """Return the losses that a subscriber counts, and those in truth: numbers missing between its first and last."""
    last = report["came"][-1][0]
    return {"told": report["lost"], "true": last + 1 - report["first"] - len(report["came"])}


def _wait_until_it_receives(publisher: Publisher, process: "subprocess.Popen[str]") -> None:
    poller = zmq.Poller()
    assert process.stdout
    poller.register(process.stdout.fileno(), zmq.POLLIN)
    while not poller.poll(20):
        publisher.heartbeat()


def _push(publisher: Publisher, count: int, rate: float) -> None:
    start = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        publisher.push(edit())


def cost(topics: Sequence[str], encoding: Encoding) -> float:
    """Return the median time of `Publisher.push` in µs, with a subscriber to these topics."""
    with (
        tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder,
        PubSocket(f"ipc://{folder}/text", encoding=encoding) as socket,
        Subscriber(socket.endpoint, "ann", topics) as subscriber,
    ):
        publisher = Publisher(socket, "bench", "ann")
        for _ in range(50):
            publisher.push(edit())
            subscriber.receive(0.01)
        durations = list[float]()
        for number in range(_COSTS):
            start = time.perf_counter()
            publisher.push(edit())
            durations.append(time.perf_counter() - start)
            if number % 100 == 0:
                while subscriber.receive(0) is not None:
                    pass
    return 1e6 * statistics.median(durations)


def _main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="edits a second")
    parser.add_argument("--seconds", type=float, nargs=3, default=(20.0, 60.0, 20.0), metavar=_PHASES)
    options = parser.parse_args()
    figures = measure(options.rate, options.seconds)
    latencies = Table(title=f"sent → subscriber that runs, ms, at {options.rate:g} edits a second")
    for heading in ("the other is", "seconds", "p50", "p95", "p99", "max", "messages"):
        latencies.add_column(heading)
    for phase, values in figures["latency_ms"].items():
        shown = [f"{values[name]:.3f}" for name in ("p50", "p95", "p99", "max")]
        latencies.add_row(phase, f"{figures['seconds'][phase]:g}", *shown, str(values["n"]))
    losses = Table(title=f"messages lost; the publisher found a full queue {figures['overflows']} times")
    for heading in ("subscriber", "counted", "in truth"):
        losses.add_column(heading)
    for name, each in figures["lost"].items():
        losses.add_row(name, str(each["told"]), str(each["true"]))
    subscriptions = {"nobody": (), "keys": TEXT, "everything": tuple(KINDS)}
    figures["push_us"] = {
        f"{who}, {encoding}": cost(topics, encoding)
        for who, topics in subscriptions.items()
        for encoding in (("json", "msgpack") if topics else ("json",))
    }
    costs = Table(title="an edit, µs of the daemon's loop, median")
    costs.add_column("subscribed to")
    costs.add_column("µs")
    for who, microseconds in figures["push_us"].items():
        costs.add_row(who, f"{microseconds:.1f}")
    publish(options, [latencies, losses, costs], figures)


if __name__ == "__main__":
    _main()
