"""Measure the encoder's time per hop at the paper's size, as the daemon calls it, beside two yardsticks.

*Re-running the window* is what running emg2qwerty live costs without carried states: the offline model in torch on all
frames of a receptive field plus the hop. The *bound* is the larger of two times, taken in the same run: to read all
weights of the float model once (a dot product of numpy's BLAS over as many bytes in one piece, which is faster than
products with matrices), and to do its arithmetic at the speed of a large matrix product. Everything on one thread and
in turns, so that other work of the machine falls on all; medians.

    python -m benchmarks.encoder
    python -m benchmarks.encoder --hops 1 2 --seconds 10

Paced calls come every hop's time, as live frames do, and find cold caches; so do the paced reads of their bound.
"""

import os

# Before numpy is imported: its threads would take the other core.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from rich.table import Table

from adapters.sessions.format import LAYOUT
from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish, spread
from emgtype.models.bundle import open_bundle
from messages.model_facts import Precision, StftFacts
from messages.signal import Frames
from streamer.encoder.stream import OnnxEncoder
from training.models.tds import TDSConfig, TDSEncoder

FRAME = 0.008
"""Seconds per frame."""
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
WINDOW = "re-run window"
READ, MULTIPLY = "read weights once", "multiply"
SIDE = 768
"""Rows of the matrices multiplied, as many as the encoder's have."""


@dataclass(slots=True)
class Contender:
    """A call to measure, and its times."""

    call: Callable[[], object]
    back_to_back: list[float] = field(default_factory=list)
    """Milliseconds of each call in a burst."""
    paced: list[float] = field(default_factory=list)
    """Milliseconds of each call at the pace of live frames."""


def carried(bundle: Path, precision: Precision, hop: int) -> Contender:
    """Make the contender that runs the streaming graph with carried states."""
    opened = open_bundle(str(bundle), precision)
    encoder = OnnxEncoder.load(str(opened.encoder), hop, opened.facts)
    shape = (hop, *encoder.facts.front_end.shape(encoder.facts.layout))
    frames = Frames.complete(np.random.default_rng(0).normal(0, 1, shape).astype(np.float32), np.zeros(hop))
    return Contender(lambda: encoder.push(frames))


def window(model: TDSEncoder, hop: int) -> Contender:
    """Make the contender that runs the offline model over the receptive field and a hop."""
    config = model.config
    frames = torch.randn(1, model.context + hop, config.bands, config.electrodes, config.bins)

    def call() -> None:
        with torch.inference_mode():
            model(frames)

    return Contender(call)


def reading(parameters: int) -> Contender:
    """Make the contender that sums the squares of all weights: the fastest tried way to read as many bytes once."""
    weights = np.random.default_rng(0).normal(size=parameters).astype(np.float32)
    return Contender(lambda: np.dot(weights, weights))


def multiply() -> Contender:
    """Make the contender that multiplies two matrices that fit the caches."""
    a = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    return Contender(lambda: a @ a)


def measure(contenders: dict[tuple[str, int], Contender], seconds: float) -> None:
    """Measure all contenders in turns: for each a burst back to back, then some calls at their pace."""
    rounds = 10
    with Progress(transient=True) as progress:
        for _ in progress.track(range(rounds), description="measuring"):
            for (_, hop), each in contenders.items():
                each.call()
                began = time.perf_counter()
                while time.perf_counter() - began < seconds / rounds / 4:
                    each.back_to_back.append(_timed(each.call))
                due = time.perf_counter()
                for _ in range(max(3, int(seconds / rounds / (hop * FRAME)))):
                    due = max(due + hop * FRAME, time.perf_counter())
                    time.sleep(max(0.0, due - time.perf_counter()))
                    each.paced.append(_timed(each.call))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def flops(config: TDSConfig) -> float:
    """Return the floating-point operations of one frame: two for a multiplication with its addition."""
    mlp = config.bands * len(config.offsets) * config.electrodes * config.bins * config.mlp_features
    convolution = config.blocks * config.kernel * config.channels**2 * config.width
    dense = config.blocks * 2 * config.features**2 + config.features * config.classes
    return 2.0 * (mlp + convolution + dense)


def report(contenders: dict[tuple[str, int], Contender], hops: list[int]) -> tuple[Table, dict[str, Any]]:
    """Return a table with a row per contender and hop, and the figures."""
    gflops = 2 * SIDE**3 / float(np.median(contenders[MULTIPLY, 1].back_to_back)) / 1e6
    work = flops(TDSConfig().for_frames(LAYOUT, StftFacts().bins))
    table = Table("", "frames a hop")
    for heading in (
        "ms back to back",
        "× bound",
        "× faster than re-running",
        "ms paced",
        "p95",
        "× bound",
        "% of real time",
    ):
        table.add_column(heading, justify="right")
    figures: dict[str, Any] = {"gflops": gflops, "mflop_per_frame": work / 1e6}
    for name in (*PRECISIONS, WINDOW, READ):
        for hop in hops:
            burst, paced = (
                spread(times) for times in (contenders[name, hop].back_to_back, contenders[name, hop].paced)
            )
            read, arithmetic = contenders[READ, hop], hop * work / gflops / 1e6
            bounds = [max(float(np.median(times)), arithmetic) for times in (read.back_to_back, read.paced)]
            again = float(np.median(contenders[WINDOW, hop].back_to_back)) / burst["p50"]
            share = paced["p50"] / hop / FRAME / 10
            figures.setdefault(name, {})[hop] = {
                "back_to_back": burst,
                "paced": paced,
                "times_bound": burst["p50"] / bounds[0],
                "times_bound_paced": paced["p50"] / bounds[1],
                "times_faster_than_window": again,
                "percent_of_real_time": share,
            }
            table.add_row(
                name if hop == hops[0] else "",
                str(hop),
                f"{burst['p50']:.2f}",
                f"{burst['p50'] / bounds[0]:.2f}",
                f"{again:.0f}",
                f"{paced['p50']:.2f}",
                f"{paced['p95']:.2f}",
                f"{paced['p50'] / bounds[1]:.2f}",
                f"{share:.1f}",
                end_section=hop == hops[-1],
            )
    return table, figures


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="frames per call")
    parser.add_argument("--seconds", type=float, default=4.0, help="of paced calls, for each figure")
    options: argparse.Namespace = parser.parse_args()
    torch.set_num_threads(1)
    model = TDSEncoder(TDSConfig().for_frames(LAYOUT, StftFacts().bins)).eval()
    parameters = sum(weights.numel() for weights in model.parameters())
    with tempfile.TemporaryDirectory() as folder:
        bundle = paper_bundle(Path(folder, "paper"))
        contenders = {(MULTIPLY, 1): multiply()}
        for hop in options.hops:
            contenders[READ, hop] = reading(parameters)
            contenders |= {(precision, hop): carried(bundle, precision, hop) for precision in PRECISIONS}
            contenders[WINDOW, hop] = window(model, hop)
    measure(contenders, options.seconds)
    table, figures = report(contenders, options.hops)
    what = (
        f"{parameters:,} parameters, {figures['mflop_per_frame']:.1f} MFLOP a frame; a matrix product does "
        f"{figures['gflops']:.0f} GFLOP/s"
    )
    publish(options, [what, table], {"parameters": parameters, **figures})


if __name__ == "__main__":
    main()
