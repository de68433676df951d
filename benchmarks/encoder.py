"""Time per hop of the encoder at the paper's size, as the daemon calls it, beside two yardsticks of the same run.

*Re-running the window* is what running emg2qwerty live costs without carried states: the offline model in torch on all
frames of a receptive field plus the hop. The *bound* is the larger of two times: to read all weights of the float model
once (matrix-vector products of numpy's BLAS over as many bytes; the best of several, since nothing can be faster than
the machine's best), and to do its arithmetic at the speed of a large matrix product. Everything on one thread, measured
in turns so that a change of the machine's speed meets all of them.

    python -m benchmarks.encoder
    python -m benchmarks.encoder --hops 1 2 --seconds 10

Paced calls come every hop's time, with caches gone cold in between, as live frames do.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy comes: its helpers would take the other core

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

from benchmarks.paper_bundle import paper_bundle
from benchmarks.results import command_line, publish, spread
from emgtype.assembly import open_bundle
from streamer.bundle_facts import Precision
from streamer.encoder import OnnxEncoder
from training.tds import TDSConfig, TDSEncoder

FRAME = 0.008
"""Seconds."""
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
WINDOW = "re-run window"
READ, MULTIPLY = "read weights", "multiply"


@dataclass(slots=True)
class Contender:
    """Something that is called again and again."""

    call: Callable[[], object]
    back_to_back: list[float] = field(default_factory=list)
    """ms"""
    paced: list[float] = field(default_factory=list)
    """ms"""


def carried(bundle: Path, precision: Precision, hop: int) -> Contender:
    """The streaming graph."""
    opened = open_bundle(str(bundle), precision)
    encoder = OnnxEncoder.load(str(opened.encoder), hop, opened.facts)
    layout, stft = encoder.facts.layout, encoder.facts.stft
    frames = np.random.default_rng(0).normal(0, 1, (hop, layout.bands, layout.electrodes, stft.bins))
    hop_of_frames, times = frames.astype(np.float32), np.zeros(hop)
    return Contender(lambda: encoder.push(hop_of_frames, times))


def window(model: TDSEncoder, hop: int) -> Contender:
    """The offline model over the receptive field and a hop."""
    config = model.config
    frames = torch.randn(1, model.context + hop, config.bands, config.electrodes, config.bins)

    def call() -> None:
        with torch.inference_mode():
            model(frames)

    return Contender(call)


def yardsticks(parameters: int) -> dict[str, Contender]:
    """Reading the weights once; a product of two matrices that fit the caches."""
    side = 768
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(side, side)).astype(np.float32) for _ in range(-(-parameters // side**2))]
    weights[-1] = weights[-1][: -(-(parameters - (len(weights) - 1) * side**2) // side)]
    x = np.ones(side, np.float32)
    a = rng.normal(size=(side, side)).astype(np.float32)
    return {READ: Contender(lambda: [w @ x for w in weights]), MULTIPLY: Contender(lambda: a @ a)}


def measure(contenders: dict[tuple[str, int], Contender], seconds: float) -> None:
    """In turns: a burst back to back of each, then some calls of each at their pace."""
    rounds = 10
    with Progress(transient=True) as progress:
        for _ in progress.track(range(rounds), description="measuring"):
            for (name, hop), each in contenders.items():
                each.call()
                began = time.perf_counter()
                while time.perf_counter() - began < seconds / rounds / 4:
                    each.back_to_back.append(_timed(each.call))
                if name in (READ, MULTIPLY):
                    continue
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
    """Floating-point operations of one frame: two a multiplication and its addition."""
    mlp = config.bands * len(config.offsets) * config.electrodes * config.bins * config.mlp_features
    convolution = config.blocks * config.kernel * config.channels**2 * config.width
    dense = config.blocks * 2 * config.features**2 + config.features * config.classes
    return 2.0 * (mlp + convolution + dense)


def report(
    contenders: dict[tuple[str, int], Contender], hops: list[int], parameters: int
) -> tuple[Table, dict[str, Any]]:
    """p50 of each hop, and ratios."""
    read = float(np.percentile(contenders[READ, 0].back_to_back, 10))
    rate = 2 * 768**3 / float(np.percentile(contenders[MULTIPLY, 0].back_to_back, 10)) / 1e6  # GFLOP/s
    work = flops(TDSConfig())
    table = Table("p50 ms a hop (paced p95 in brackets)", *(f"{hop} frames" if hop > 1 else "1 frame" for hop in hops))
    figures: dict[str, Any] = {"read_ms": read, "gflops": rate, "mflop_per_frame": work / 1e6, "parameters": parameters}
    bounds = {hop: max(read, hop * work / rate / 1e6) for hop in hops}
    for name in (*PRECISIONS, WINDOW):
        paced = {hop: spread(contenders[name, hop].paced) for hop in hops}
        bursts = {hop: spread(contenders[name, hop].back_to_back) for hop in hops}
        figures[name] = {hop: {"paced": paced[hop], "back_to_back": bursts[hop]} for hop in hops}
        table.add_row(f"{name}, paced", *(f"{paced[hop]['p50']:.2f} ({paced[hop]['p95']:.2f})" for hop in hops))
        table.add_row("  % of real time", *(f"{paced[hop]['p50'] / hop / FRAME / 10:.1f}" for hop in hops))
        table.add_row("  back to back", *(f"{bursts[hop]['p50']:.2f}" for hop in hops), end_section=name == WINDOW)
        if name != WINDOW:
            again = {hop: float(np.median(contenders[WINDOW, hop].back_to_back)) for hop in hops}
            table.add_row("  faster than re-running", *(f"{again[hop] / bursts[hop]['p50']:.0f}×" for hop in hops))
            table.add_row(
                "  times the bound", *(f"{bursts[hop]['p50'] / bounds[hop]:.2f}" for hop in hops), end_section=True
            )
    table.add_row("bound in fp32", *(f"{bounds[hop]:.2f}" for hop in hops))
    figures["bound_ms"] = bounds
    return table, figures


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="frames per call")
    parser.add_argument("--seconds", type=float, default=4.0, help="of paced calls, for each figure")
    options: argparse.Namespace = parser.parse_args()
    torch.set_num_threads(1)
    model = TDSEncoder(TDSConfig()).eval()
    parameters = sum(weights.numel() for weights in model.parameters())
    with tempfile.TemporaryDirectory() as folder:
        bundle = paper_bundle(Path(folder, "paper"))
        contenders = {(name, 0): each for name, each in yardsticks(parameters).items()}
        for hop in options.hops:
            contenders |= {(precision, hop): carried(bundle, precision, hop) for precision in PRECISIONS}
            contenders[WINDOW, hop] = window(model, hop)
    measure(contenders, options.seconds)
    table, figures = report(contenders, options.hops, parameters)
    read, rate = figures["read_ms"], figures["gflops"]
    publish(
        options,
        [
            f"{parameters:,} parameters, {figures['mflop_per_frame']:.1f} MFLOP a frame; reading the weights takes "
            f"{read:.2f} ms ({4e-6 * parameters / read:.0f} GB/s), a matrix product does {rate:.0f} GFLOP/s",
            table,
        ],
        figures,
    )


if __name__ == "__main__":
    main()
