"""Measure LSL on loopback: the age of samples at their arrival, losses, and the CPU of the receiver.

    python -m benchmarks.lsl_transport                  # 20 s of one 32-channel stream, then of two 16-channel ones
    python -m benchmarks.lsl_transport --seconds 600

The age is that of the last sample of each piece pushed, when it is pulled.
"""

import os
import threading
import time
import uuid
from contextlib import ExitStack

import numpy as np
from rich.table import Table

from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config

# Here, since liblsl reads it once, at its first call.
os.environ[LSL_CONFIG_VARIABLE] = str(loopback_config())

import pylsl

from adapters.lsl.outlet import LSLOutlet
from adapters.lsl.source import open_bands, open_stream
from benchmarks.results import command_line, publish
from messages.signal import Chunk, Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
PIECE = 16
"""Samples per push: one frame of 8 ms."""


def play(outlets: list[LSLOutlet], samples: int) -> None:
    """Push samples at the layout's rate, stamped so that a piece ends at the moment of its push."""
    values = np.random.default_rng(0).normal(0, 10, (PIECE, LAYOUT.bands, LAYOUT.electrodes)).astype(np.float32)
    start = pylsl.local_clock()
    for pushed in range(PIECE, samples + 1, PIECE):
        time.sleep(max(0.0, start + pushed / LAYOUT.rate - pylsl.local_clock()))
        times = pylsl.local_clock() - np.arange(PIECE)[::-1] / LAYOUT.rate
        for outlet in outlets:
            outlet.push(Chunk(values, times, LAYOUT))


def measure(bands: bool, seconds: float) -> list[str]:
    """Return the figures of one row of the table."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    samples = int(seconds * LAYOUT.rate) // PIECE * PIECE
    with ExitStack() as stack:
        kinds = [(f"{name}-{side}", band) for band, side in enumerate(LAYOUT.sides)] if bands else [(name, None)]
        outlets = [stack.enter_context(LSLOutlet(n, LAYOUT, n, sample_numbers=True, band=band)) for n, band in kinds]
        source = open_bands([n for n, _ in kinds], LAYOUT, 5.0) if bands else open_stream(name, LAYOUT, 5.0)
        stack.enter_context(source)
        for outlet in outlets:
            outlet.wait_for_consumers(5.0)
        source.flush()
        player = threading.Thread(target=play, args=(outlets, samples))
        player.start()
        ages, received, cpu = [], 0, time.thread_time()
        while (chunk := source.pull(0.2)) is not None or player.is_alive():
            if chunk is not None:
                ends = (received + np.arange(len(chunk.times))) % PIECE == PIECE - 1
                ages.extend(pylsl.local_clock() - chunk.times[ends])
                received += len(chunk.times)
        cpu = time.thread_time() - cpu
    p50, p99, most = np.percentile(ages, [50, 99, 100]) * 1e3
    return [
        "two bands" if bands else "one stream",
        f"{p50:.2f} / {p99:.2f} / {most:.2f}",
        f"{received} of {samples}",
        str(source.lost),
        f"{100 * cpu / seconds:.1f} %",
    ]


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of samples, for each row")
    options = parser.parse_args()
    table = Table("", "age ms p50 / p99 / max", "samples", "lost", "CPU of one core")
    for bands in (False, True):
        table.add_row(*measure(bands, options.seconds))
    publish(options, [table])
