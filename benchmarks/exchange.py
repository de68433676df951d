"""What it costs somebody who types that another bundle is put in the place of theirs (`emgtype control reload`).

The daemon's loop over simulated samples as they fall due, in one process: how old the newest sample is when its hop has
been decoded, before, while the other bundle is loaded in a thread, and in the step that exchanges them, which fills the
new encoder's context.

    python -m benchmarks.exchange                           # from the demo's bundle to the generic one, and back
    python -m benchmarks.exchange --to paper --runs 10
"""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.paper_bundle import paper_bundle, simulated_samples
from benchmarks.results import command_line, publish, spread
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import load_config
from emgtype.live.daemon import Daemon
from emgtype.live.exchange import Exchange
from emgtype.live.load import load_lines
from emgtype.live.notices import Notices
from emgtype.live.outputs import Outputs
from emgtype.live.wearer import Wearer
from messages.signal import Chunk
from simulator.session import LAYOUT

_PIECE = 16  # samples: a frame
_BEFORE = 5.0  # seconds of typing before each exchange


@dataclass(slots=True)
class Bands:
    """Samples that fall due at their rate; `ages` are those of the newest when the next are asked for."""

    samples: np.ndarray[Any, np.dtype[np.float32]]
    began: float = field(default_factory=time.perf_counter)
    given: int = 0
    lost: int = 0
    aligner: None = None

    def pull(self, _timeout: float) -> Chunk:
        """What is due, at least a piece."""
        due = self.began + (self.given + _PIECE) / LAYOUT.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        count = max(_PIECE, int((time.perf_counter() - self.began) * LAYOUT.rate) - self.given)
        numbers = np.arange(self.given, self.given + count)
        self.given += count
        return Chunk(self.samples[numbers % len(self.samples)], numbers / LAYOUT.rate, LAYOUT)

    def age(self) -> float:
        """Milliseconds since the newest sample given was due."""
        return 1e3 * (time.perf_counter() - self.began - self.given / LAYOUT.rate)


def exchange(start: str, to: str, runs: int) -> dict[str, list[float]]:
    """Ages in milliseconds, by what happens meanwhile."""
    (line,) = load_lines([load_config(flags={"bundle": start})])
    bands, nowhere = Bands(simulated_samples(30.0)), cast(Any, None)
    signal = SignalReport(watch_for(line.config, None, LAYOUT), LAYOUT, lambda _: None)
    outputs = Outputs(nowhere, nowhere, signal, Notices("me"), lambda _: None)
    wearer = Wearer("me", cast(Any, bands), [line], outputs)
    daemon = Daemon([wearer], stall=60, heartbeat_every=1e9, notify=lambda _: None)
    found: dict[str, list[float]] = {"before": [], "while it loads": [], "in the exchange": []}
    with Exchange(daemon, {"me": outputs}, lambda _: None) as other:
        for run in track(range(runs), f"{start} → {to}", transient=True):
            _decode(daemon, bands, found["before"], _BEFORE)
            other.reload(["me"], to if run % 2 == 0 else start)
            while other.status()["loading"]:
                age = found["while it loads"]
                before = time.perf_counter()
                other.attend()
                if not other.status()["loading"]:
                    found["in the exchange"].append(1e3 * (time.perf_counter() - before))
                daemon.step()
                age.append(bands.age())
    return found


def _decode(daemon: Daemon, bands: Bands, ages: list[float], seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        daemon.step()
        ages.append(bands.age())


def _table(found: dict[str, list[float]], title: str) -> Table:
    table = Table("", title=title)
    for column in ("p50", "p95", "p99", "max"):
        table.add_column(f"{column}, ms", justify="right")
    for what, ages in found.items():
        figures = spread(ages)
        table.add_row(what, *(f"{figures[column]:.1f}" for column in ("p50", "p95", "p99", "max")))
    return table


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--start", default="demo")
    parser.add_argument("--to", default="generic", help="a bundle, or paper: one of the paper's size")
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        to = str(paper_bundle(Path(folder))) if options.to == "paper" else options.to
        found = exchange(options.start, to, options.runs)
    title = f"{options.start} ⇄ {options.to}, {options.runs} times: age of the newest sample once it is decoded"
    publish(options, [_table(found, title)], {what: spread(ages) for what, ages in found.items()})


if __name__ == "__main__":
    main()
