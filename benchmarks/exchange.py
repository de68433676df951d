"""Measure what an exchange of the bundle costs somebody who is typing (`emgtype control reload`).

The daemon's loop runs over simulated samples as they fall due, in one process. Measured is how old the newest sample is
when its hop has been decoded: before, while the other bundle is loaded in a thread, and in the step that exchanges the
bundles, which fills the new encoder's context.

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

_PIECE = 16
"""Samples per pull at least: a frame."""
_BEFORE_S = 5.0
"""Seconds of typing before each exchange."""


@dataclass(slots=True)
class Bands:
    """A source of samples that fall due at their rate."""

    samples: np.ndarray[Any, np.dtype[np.float32]]
    began: float = field(default_factory=time.perf_counter)
    pulled: int = 0
    lost: int = 0
    aligner: None = None

    def pull(self, _timeout: float) -> Chunk:
        """Wait for the next piece, and return all samples that are due."""
        due = self.began + (self.pulled + _PIECE) / LAYOUT.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        count = max(_PIECE, int((time.perf_counter() - self.began) * LAYOUT.rate) - self.pulled)
        numbers = np.arange(self.pulled, self.pulled + count)
        self.pulled += count
        return Chunk(self.samples[numbers % len(self.samples)], numbers / LAYOUT.rate, LAYOUT)

    def age(self) -> float:
        """Milliseconds since the newest sample pulled was due."""
        return 1e3 * (time.perf_counter() - self.began - self.pulled / LAYOUT.rate)


def exchange(start: str, to: str, runs: int) -> dict[str, list[float]]:
    """Return the ages in milliseconds, by phase."""
    (line,) = load_lines([load_config(flags={"bundle": start})])
    bands, nowhere = Bands(simulated_samples(30.0)), cast(Any, None)
    signal = SignalReport(watch_for(line.config, None, LAYOUT), LAYOUT, lambda _: None)
    outputs = Outputs(nowhere, nowhere, signal, Notices("me"), lambda _: None)
    wearer = Wearer("me", cast(Any, bands), [line], outputs)
    daemon = Daemon([wearer], stall=60, heartbeat_every=1e9, notify=lambda _: None)
    ages_by_phase: dict[str, list[float]] = {"before": [], "while it loads": [], "in the exchange": []}
    with Exchange(daemon, {"me": outputs}, lambda _: None) as other:
        for run in track(range(runs), f"{start} → {to}", transient=True):
            _decode(daemon, bands, ages_by_phase["before"], _BEFORE_S)
            other.reload(["me"], to if run % 2 == 0 else start)
            while other.status()["loading"]:
                age = ages_by_phase["while it loads"]
                before = time.perf_counter()
                other.attend()
                if not other.status()["loading"]:
                    ages_by_phase["in the exchange"].append(1e3 * (time.perf_counter() - before))
                daemon.step()
                age.append(bands.age())
    return ages_by_phase


def _decode(daemon: Daemon, bands: Bands, ages: list[float], seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        daemon.step()
        ages.append(bands.age())


def _table(ages_by_phase: dict[str, list[float]], title: str) -> Table:
    table = Table("", title=title)
    for column in ("p50", "p95", "p99", "max"):
        table.add_column(f"{column}, ms", justify="right")
    for phase, ages in ages_by_phase.items():
        figures = spread(ages)
        table.add_row(phase, *(f"{figures[column]:.1f}" for column in ("p50", "p95", "p99", "max")))
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--start", default="demo")
    parser.add_argument("--to", default="generic", help="a bundle, or paper: one of the paper's size")
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        to = str(paper_bundle(Path(folder))) if options.to == "paper" else options.to
        ages_by_phase = exchange(options.start, to, options.runs)
    title = f"{options.start} ⇄ {options.to}, {options.runs} times: age of the newest sample once it is decoded"
    publish(options, [_table(ages_by_phase, title)], {phase: spread(ages) for phase, ages in ages_by_phase.items()})


if __name__ == "__main__":
    main()
