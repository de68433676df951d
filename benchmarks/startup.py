"""How long `emgtype serve` takes from the start of its process until it is ready, and where that time goes.

Ready: its streams are open, and it says what it reads and where it publishes; the next thing that it does is to pull
samples. The wristbands are there before it, on loopback; bundle and libraries have been read from disk before. The
first heartbeat follows after one interval (`publish.heartbeat`). The stages are those of further runs, whose functions
carry clocks (benchmarks/startup_stages.py); what a stage does while another waits is not seen.

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
_PATIENCE = 10.0  # seconds for a heartbeat


def start(bundle: Path, stream: str, precision: str) -> dict[str, float]:
    """Seconds until serve is ready, and until its first heartbeat is here."""
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
    """Seconds of each stage; "rest" is what no clock was put around."""
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        began = time.monotonic()
        arguments = ["--precision", precision]
        with serving(bundle, stream, f"ipc://{folder}/text", arguments, module=_STAGED, before=[str(began)]) as serve:
            said = serve.wait_until_ready()
            return shares(said, time.monotonic() - began)


def shares(said: Sequence[str], total: float) -> dict[str, float]:
    """Seconds by stage, in order of their first mention, from what a process with clocks said."""
    found: dict[str, float] = {}
    for line in said:
        if line.startswith(WORD):
            _, seconds, stage = line.split(" ", 2)
            found[stage] = found.get(stage, 0.0) + float(seconds)
    if "LSL in all" in found:
        found["description, clock, data"] = found.pop("LSL in all") - found.get("finding streams", 0.0)
    return {**found, "rest": total - sum(found.values()), "ready": total}


def table_of(name: str, rows: Mapping[str, Sequence[float]]) -> Table:
    """Median and worst of each row, ms."""
    table = Table(name, title="Start of emgtype serve")
    for heading in ("median, ms", "most, ms"):
        table.add_column(heading, justify="right")
    for row, seconds in rows.items():
        table.add_row(row, f"{1e3 * median(seconds):.0f}", f"{1e3 * max(seconds):.0f}")
    return table


def main() -> None:
    """Command line."""
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
    tables = [table_of(title, found) for title, found in zip(("until", "stage"), rows, strict=True)]
    figures = [{name: spread(seconds) for name, seconds in found.items()} for found in rows]
    publish(options, tables, {"seconds_until": figures[0], "seconds_of_stages": figures[1]})


if __name__ == "__main__":
    main()
