"""Measure the resident memory of `emgtype serve` while it decodes live signal, and its growth.

Real processes on loopback: wristbands that push simulated typing, and the daemon with a bundle of the paper's size and
the demo's language model. Memory is the kernel's figure for the daemon's process (VmRSS), read once a second; "MB/h" is
the slope of a line through the second half. The daemon's own record of its stages' times is full, and grows no more,
after 100,000 hops (13 minutes at one frame per hop).

    python -m benchmarks.memory                        # 2 minutes
    python -m benchmarks.memory --minutes 600 --hop 1 --precision int8
    python -m benchmarks.memory --minutes 5 --fast 4   # 20 minutes of signal, at four times their speed
"""

import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from adapters.sessions.format import LAYOUT
from benchmarks.live_parts import serving, wristbands
from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish
from emgtype.places import ENCODERS

_EVERY = 1.0
"""Seconds between two readings."""


def watch(bundle: Path, precision: str, hop: int, seconds: float, speed: float) -> dict[str, Any]:
    """Return the MB resident over time, and the samples lost."""
    stream = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder, wristbands(stream, speed):
        call = ["--precision", precision, "--hop", str(hop)]
        with serving(bundle, stream, f"ipc://{folder}/text", call) as serve:
            serve.wait_until_ready()
            resident = [serve.memory()["now"]]
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(_EVERY, left))
                resident.append(serve.memory()["now"])
            most = serve.memory()["most"]
            report = serve.end()
    return {
        "precision": precision,
        "hop": hop,
        "resident_mb": resident,
        "most_mb": most,
        "growth_mb_per_hour": growth(resident),
        "seconds_of_signal": report["samples"] / LAYOUT.rate,
        "samples_lost": report["lost"],
    }


def growth(resident: list[float]) -> float:
    """Return the MB per hour: the slope of a line through the second half of the readings."""
    half = resident[len(resident) // 2 :]
    if len(half) < 2:
        return 0.0
    slope = np.polyfit(_EVERY * np.arange(len(half)), half, 1)[0]
    return float(3600 * slope)


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", type=Path, help="instead of the one of the paper's size")
    parser.add_argument("--precision", nargs="+", choices=list(ENCODERS), default=["fp32"])
    parser.add_argument("--hop", type=int, default=4, help="frames per encoder call")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--fast", type=float, default=1.0, help="seconds of signal per second")
    options = parser.parse_args()
    table = Table("precision", title="Resident memory of emgtype serve, MB")
    for heading in ("ready", "1 s later", "middle", "end", "most", "MB/h", "signal, min", "lost"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder:
        bundle = options.bundle or paper_bundle(Path(folder, "bundle"))
        rows = [watch(bundle, each, options.hop, 60 * options.minutes, options.fast) for each in options.precision]
    for row in rows:
        seen = row["resident_mb"]
        figures = [seen[0], seen[1], seen[len(seen) // 2], seen[-1], row["most_mb"], row["growth_mb_per_hour"]]
        rest = [f"{row['seconds_of_signal'] / 60:.1f}", str(row["samples_lost"])]
        table.add_row(row["precision"], *(f"{figure:.1f}" for figure in figures), *rest)
    publish(options, [table], {"rows": rows})


if __name__ == "__main__":
    main()
