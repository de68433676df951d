"""Measure the whole chain live: from the last sample of a hop pushed into LSL to its text at a ZeroMQ subscriber.

Three processes on loopback: wristbands that push simulated typing at 2 kHz, 16 samples at a time, stamped as a radio
would; the real `emgtype serve`; and this process, which subscribes. A text event carries the stamp of the newest sample
behind it: latency runs from the start of the push of that sample to the decoded event in this process. CPU is given for
serve and for the whole machine, in % of one core: a busy machine shows in the tail.
The bundle is of the paper's size, 5.3 million parameters, with the demo's language model (benchmarks/paper_bundle.py).

    python -m benchmarks.chain                                     # 60 s for each hop and precision
    python -m benchmarks.chain --hops 1 --precision int8 --seconds 300
    python -m benchmarks.chain --bundle exported/demo --json chain.json
    python -m benchmarks.chain --realtime      # for a busy machine; needs the right to use chrt
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

# First, since it keeps pylsl on loopback.
from benchmarks.live_parts import machine_cpu, serving, wristbands
from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish, spread

import pylsl  # isort: skip

from adapters.wire.format import TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.places import ENCODERS

_WARM_UP_S = 2.0
"""Seconds before the first event that counts: one receptive field, and caches."""
_PRIORITY = 10
"""Real-time priority, of 1 to 99; the kernel's own threads have 50."""
_DRAIN_S = 0.3
"""Seconds in which the last messages arrive after the wristbands stop."""


def measure(bundle: Path, hop: int, precision: str, seconds: float) -> dict[str, Any]:
    """Return latencies (ms), events per second, CPU (% of a core), samples lost, and serve's stages (ms per hop)."""
    stream = f"bench-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="emgtype-bench-"))
        endpoint = f"ipc://{folder}/text"
        bands = stack.enter_context(wristbands(stream))
        call = ["--hop", str(hop), "--precision", precision]
        serve = stack.enter_context(serving(bundle, stream, endpoint, call))
        subscriber = stack.enter_context(Subscriber(endpoint))
        serve.wait_until_ready()
        _events(subscriber, _WARM_UP_S)
        start, before, all_before = time.monotonic(), serve.cpu(), machine_cpu()
        events = _events(subscriber, seconds)
        elapsed, cpu, all_cpu = time.monotonic() - start, serve.cpu() - before, machine_cpu() - all_before
        pushes = bands.end()
        _events(subscriber, _DRAIN_S)
        report = serve.end()
    if not events:
        raise ValueError(f"no text event in {seconds:g} s: measure longer, or name a bundle that types")
    stamps, delivery, arrived = np.array(events).T
    latency = 1e3 * (arrived - pushes.moment(stamps))
    delivery *= 1e3
    return {
        "hop": hop,
        "precision": precision,
        "latency_ms": spread(latency.tolist()),
        "pushed_to_published_ms": spread((latency - delivery).tolist()),
        "published_to_subscriber_ms": spread(delivery.tolist()),
        "stages_ms": report["stages_ms"],
        "events_per_second": len(events) / seconds,
        "cpu_percent": 100 * cpu / elapsed,
        "machine_cpu_percent": 100 * all_cpu / elapsed,
        "samples_lost": report["lost"],
        "messages_lost": subscriber.lost,
    }


def _events(subscriber: Subscriber, seconds: float) -> list[tuple[float, float, float]]:
    """Return the text events within some time: newest sample's stamp, s since published, arrival on the LSL clock."""
    events = []
    end = time.monotonic() + seconds
    while (remaining := end - time.monotonic()) > 0:
        message = subscriber.receive(remaining)
        if isinstance(message, TextMessage):
            events.append((message.event.time, time.time() - message.sent, pylsl.local_clock()))
    return events


def tables_of(rows: list[dict[str, Any]]) -> list[Table]:
    """Return a table of the whole latency and one of its parts, with a line per hop and precision."""
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
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", type=Path, help="default: a bundle of the paper's size")
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 2, 4], help="frames per encoder call")
    parser.add_argument("--precision", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument(
        "--realtime", action="store_true", help="run the three processes before all others (SCHED_FIFO)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        bundle = options.bundle or paper_bundle(Path(folder, "bundle"))
        # Here, so that the three processes inherit it, and the one that made the bundle did not.
        if options.realtime:
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
