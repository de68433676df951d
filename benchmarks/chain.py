"""The whole chain, live: from the last sample of a hop pushed into LSL to the text that a ZeroMQ subscriber has of it.

Three processes on loopback: wristbands that push simulated typing at 2 kHz, 16 samples at a time, stamped as a radio
would; the real `emgtype serve`; and this one, which subscribes. A text event carries the stamp of the newest sample
behind it: latency is from the moment when the push of that sample began to the moment when the event is here, decoded.
CPU is that of serve in % of one core, and that of all that runs on the machine: a busy machine shows in the tail.
The bundle is of the paper's size, 5.3 million parameters, with the demo's language model (benchmarks/paper_bundle.py).

    python -m benchmarks.chain                                     # 60 s for each hop and precision
    python -m benchmarks.chain --hops 1 --precision int8 --seconds 300
    python -m benchmarks.chain --bundle exported/demo --json chain.json
    python -m benchmarks.chain --realtime      # on a machine that is busy with other work; needs the right to (chrt)
"""

import os
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.live_parts import machine_cpu, serving, wristbands  # first: it keeps pylsl on loopback
from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish, spread

import pylsl  # isort: skip

from adapters.wire.format import TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.places import ENCODERS

_WARM_UP = 2.0  # seconds before the first event that counts: one receptive field, and caches
_PRIORITY = 10  # of 1 to 99; the kernel's own threads are at 50
_REST = 0.3  # seconds for what is under way when the wristbands stop


def measure(bundle: Path, hop: int, precision: str, seconds: float) -> dict[str, Any]:
    """Latencies (ms), events a second, CPU (% of a core) of serve, samples lost, and its stages (ms per hop)."""
    stream = f"bench-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="emgtype-bench-"))
        endpoint = f"ipc://{folder}/text"
        bands = stack.enter_context(wristbands(stream))
        call = ["--hop", str(hop), "--precision", precision]
        serve = stack.enter_context(serving(bundle, stream, endpoint, call))
        subscriber = stack.enter_context(Subscriber(endpoint))
        serve.wait_until_ready()
        _events(subscriber, _WARM_UP)
        start, before, all_before = time.monotonic(), serve.cpu(), machine_cpu()
        found = _events(subscriber, seconds)
        took, cpu, all_cpu = time.monotonic() - start, serve.cpu() - before, machine_cpu() - all_before
        pushes = bands.end()
        _events(subscriber, _REST)
        report = serve.end()
    if not found:
        raise ValueError(f"no text event in {seconds:g} s: measure longer, or name a bundle that types")
    made, delivery, arrived = np.array(found).T
    latency = 1e3 * (arrived - pushes.moment(made))
    delivery *= 1e3
    return {
        "hop": hop,
        "precision": precision,
        "latency_ms": spread(latency.tolist()),
        "pushed_to_published_ms": spread((latency - delivery).tolist()),
        "published_to_subscriber_ms": spread(delivery.tolist()),
        "stages_ms": report["stages_ms"],
        "events_per_second": len(found) / seconds,
        "cpu_percent": 100 * cpu / took,
        "machine_cpu_percent": 100 * all_cpu / took,
        "samples_lost": report["lost"],
        "messages_lost": subscriber.lost,
    }


def _events(subscriber: Subscriber, seconds: float) -> list[tuple[float, float, float]]:
    """Of each text event within some time: stamp of its newest sample, s since it was published, moment it is here."""
    found = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        message = subscriber.receive(left)
        if isinstance(message, TextMessage):
            found.append((message.event.time, time.time() - message.sent, pylsl.local_clock()))
    return found


def tables_of(rows: list[dict[str, Any]]) -> list[Table]:
    """Of the whole, and of its parts: a line per hop and precision each."""
    whole, parts = (
        Table(title="Last sample pushed → subscriber, ms"),
        Table(title="Its parts, ms p50 (--json: p99 too)"),
    )
    for table in (whole, parts):
        table.add_column("precision")
        table.add_column("hop", justify="right")
    for heading in ("p50", "p95", "p99", "max", "events/s", "CPU %", "all CPU", "lost"):
        whole.add_column(heading, justify="right")
    for heading in ("→ published", "spectrogram", "encoder", "decoder", "→ subscriber"):
        parts.add_column(heading, justify="right")
    for row in rows:
        name, stages = (row["precision"], str(row["hop"])), row["stages_ms"]
        figures = [f"{row['latency_ms'][each]:.2f}" for each in ("p50", "p95", "p99", "max")]
        rest = [f"{row['events_per_second']:.1f}", f"{row['cpu_percent']:.0f}", f"{row['machine_cpu_percent']:.0f}"]
        whole.add_row(*name, *figures, *rest, str(row["samples_lost"]))
        inside = [stages[stage] for stage in ("spectrogram", "encoder", "decoder")]
        timed = [row["pushed_to_published_ms"], *inside, row["published_to_subscriber_ms"]]
        parts.add_row(*name, *(f"{each['p50']:.2f}" for each in timed))
    return [whole, parts]


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", type=Path, help="instead of the one of the paper's size")
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 2, 4], help="frames per encoder call")
    parser.add_argument("--precision", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--realtime", action="store_true", help="the three processes go before all others (SCHED_FIFO)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        bundle = options.bundle or paper_bundle(Path(folder, "bundle"))
        if options.realtime:  # here: what is started from now on inherits it, what made the bundle did not have it
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        notes, rows = [], []
        for precision in options.precision:
            if not (bundle / ENCODERS[precision]).is_file():
                notes.append(f"{precision}: not measured, {bundle} has no {ENCODERS[precision]}")
                continue
            rows += [measure(bundle, hop, precision, options.seconds) for hop in options.hops]
    publish(options, [*tables_of(rows), *notes], {"rows": rows, "notes": notes})


if __name__ == "__main__":
    main()
