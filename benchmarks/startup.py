"""Measure the time from the start of the `emgtype serve` process until it is ready, and its stages.

Ready: its streams are open, it has printed what it reads and where it publishes, and is about to pull samples. The
wristbands are there before it, on loopback; bundle and libraries have been read from disk before. The first heartbeat
follows after one interval (`publish.heartbeat_s`). The stages are those of further runs, whose functions carry clocks
(benchmarks/startup_stages.py); work that overlaps with another stage is not shown.

    python -m benchmarks.startup                           # a bundle of the paper's size, the demo's language model
    python -m benchmarks.startup --bundle exported/demo --runs 20 --json startup.json
"""

import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.table import Table

from adapters.wire.format import Heartbeat
from adapters.wire.subscriber import Subscriber
from benchmarks.live_parts import serving, wristbands
from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish, spread
from benchmarks.startup_stages import WORD
from emgtype.places import ENCODERS

_STAGED = "benchmarks.startup_stages"
_PATIENCE = 10.0
"""Seconds to wait for a heartbeat."""


def start(bundle: Path, stream: str, precision: str) -> dict[str, float]:
    """Return the seconds until serve is ready, and until its first heartbeat arrives."""
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        endpoint = f"ipc://{folder}/text"
        began = time.monotonic()
        with serving(bundle, stream, endpoint, ["--precision", precision]) as serve, Subscriber(endpoint) as subscriber:
            serve.wait_until_ready()
            ready = time.monotonic() - began
            while not isinstance(subscriber.receive(_PATIENCE), Heartbeat):
                pass
            return {"ready": ready, "heartbeat": time.monotonic() - began}


def stages(bundle: Path, stream: str, precision: str) -> dict[str, float]:
    """Return the seconds of each stage; "rest" is everything without a clock."""
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        began = time.monotonic()
        arguments = ["--precision", precision]
        with serving(bundle, stream, f"ipc://{folder}/text", arguments, module=_STAGED, before=[str(began)]) as serve:
            lines = serve.wait_until_ready()
            return shares(lines, time.monotonic() - began)


def shares(lines: Sequence[str], total: float) -> dict[str, float]:
    """Return the seconds by stage, in order of first mention, from the lines of a process with clocks."""
    seconds_by_stage: dict[str, float] = {}
    for line in lines:
        if line.startswith(WORD):
            _, seconds, stage = line.split(" ", 2)
            seconds_by_stage[stage] = seconds_by_stage.get(stage, 0.0) + float(seconds)
    if "LSL in all" in seconds_by_stage:
        seconds_by_stage["description, clock, data"] = seconds_by_stage.pop("LSL in all") - seconds_by_stage.get(
            "finding streams", 0.0
        )
    return {**seconds_by_stage, "rest": total - sum(seconds_by_stage.values()), "ready": total}


def table_of(name: str, rows: Mapping[str, Sequence[float]]) -> Table:
    """Return a table of the median and worst of each row, in ms."""
    table = Table(name, title="Start of emgtype serve")
    for heading in ("median, ms", "most, ms"):
        table.add_column(heading, justify="right")
    for row, seconds in rows.items():
        table.add_row(row, f"{1e3 * median(seconds):.0f}", f"{1e3 * max(seconds):.0f}")
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", type=Path, help="instead of the one of the paper's size")
    parser.add_argument("--precision", choices=list(ENCODERS), default="fp32")
    parser.add_argument("--runs", type=int, default=7, help="of each kind")
    options = parser.parse_args()
    stream = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        bundle = options.bundle or paper_bundle(Path(folder, "bundle"))
        with wristbands(stream):
            whole, parts = [
                [measured(bundle, stream, options.precision) for _ in range(options.runs)]
                for measured in (start, stages)
            ]
    rows = [{name: [run[name] for run in runs] for name in runs[0]} for runs in (whole, parts)]
    tables = [table_of(title, by_row) for title, by_row in zip(("until", "stage"), rows, strict=True)]
    figures = [{name: spread(seconds) for name, seconds in by_row.items()} for by_row in rows]
    publish(options, tables, {"seconds_until": figures[0], "seconds_of_stages": figures[1]})


if __name__ == "__main__":
    main()
