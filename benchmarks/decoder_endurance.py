"""Measure whether the live decoder is as fast after an hour of text as in the first minute: time, nodes and memory.

One decoder takes in an hour without a pause or a reset, and drops final text as it goes. Then it and a new decoder take
in the same minute, a second in turns, so that other work of the machine falls on both.

    python -m benchmarks.decoder_endurance --keys FILE.npz --minutes 60
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.results import command_line, publish, spread
from benchmarks.synthetic_emissions import (
    FRAME,
    KINDS,
    add_key_options,
    emissions,
    load_keys,
    load_language_model,
    minutes_of,
)
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import Committer
from decoder.language.flat import FlatScorer
from messages.emission import Emission

TURN = 125
"""Frames that a decoder takes in before the other's turn."""
ROUNDS = 5
"""Repetitions of the compared minute."""


class Stream:
    """A decoder whose time goes on, whatever emissions it gets."""

    def __init__(self, scorer: FlatScorer) -> None:
        self._beam = PrefixBeam(BeamSettings(), scorer)
        self._committer = Committer(self._beam)
        self._frames = 0

    @property
    def nodes(self) -> int:
        """Count of the prefixes in memory."""
        return self._beam.size

    def push(self, rows: np.ndarray[Any, np.dtype[np.float32]]) -> list[float]:
        """Decode (frames, classes), one frame per call, and return µs per frame."""
        durations = []
        for row in rows:
            piece = Emission(row[np.newaxis], np.array([FRAME * self._frames]))
            start = time.perf_counter_ns()
            self._committer.push(piece)
            durations.append((time.perf_counter_ns() - start) / 1000)
            self._frames += 1
        return durations


def resident() -> float:
    """Return the MB of memory that the process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    add_key_options(parser, minutes=60.0)
    options = parser.parse_args()
    facts, tables = load_language_model(options.lm)
    scorer = FlatScorer(tables, facts)
    rng = np.random.default_rng(options.seed)
    keys = list(minutes_of(load_keys(options, options.minutes, rng)))
    table = Table("emissions", "decoder", "p50", "p99", "mean, µs", "nodes", "MB in all")
    lines, figures = list[str](), dict[str, Any]()
    for kind, flat in KINDS.items():
        minute = emissions(keys[0], flat, rng).log_probs
        old, nodes, memory = Stream(scorer), list[int](), list[float]()
        for recording in keys:
            rows = emissions(recording, flat, rng).log_probs
            for first in range(0, len(rows), TURN):
                old.push(rows[first : first + TURN])
                nodes.append(old.nodes)
            memory.append(resident())
        durations: dict[str, list[float]] = {"new": [], f"after {options.minutes:g} min": []}
        for _ in range(ROUNDS):
            streams = [Stream(scorer), old]
            for first in range(0, len(minute), TURN):
                for stream, us in zip(streams, durations.values(), strict=True):
                    us.extend(stream.push(minute[first : first + TURN]))
        part = max(1, len(nodes) // len(keys))
        sizes = max(nodes[:part]), max(nodes[-part:])
        spreads = {name: spread(us) for name, us in durations.items()}
        for (name, figure), size, megabytes in zip(spreads.items(), sizes, (memory[0], memory[-1]), strict=True):
            table.add_row(
                kind, name, *(f"{figure[q]:.1f}" for q in ("p50", "p99", "mean")), str(size), f"{megabytes:.0f}"
            )
        new, late = spreads.values()
        ratio = {q: late[q] / new[q] for q in ("p50", "p99", "mean")}
        lines.append(f"{kind}: late / new: " + ", ".join(f"{q} {value:.2f}" for q, value in ratio.items()))
        figures[kind] = {"us": spreads, "late / new": ratio, "nodes": sizes, "megabytes": [memory[0], memory[-1]]}
    publish(options, [table, *lines], figures)


if __name__ == "__main__":
    main()
