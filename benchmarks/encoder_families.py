"""Compare encoder families: parameters, receptive field, CER, emission delay, and time per hop of the ONNX graph.

Trained models on sessions (checkpoints or bundles), or with --untrained the families at their published sizes.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from rich.table import Table

from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from benchmarks.results import command_line, publish
from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from emgtype.models.pipelines import OFFLINE
from emgtype.session_files import session_files
from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import Frames
from streamer.encoder.choice import open_encoder
from streamer.encoder.stream import OnnxEncoder
from streamer.encoder.whole import WholeEncoder
from streamer.front_end.choice import open_front_end
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import TrainedEncoder, load_encoder
from training.models.families import FAMILIES, encoder_of, model_config
from training.run.delay import emission_delay_ms

HOPS = (1, 4)
PERIOD = 0.008
"""Seconds of one frame of emg2qwerty's front end."""


@dataclass(frozen=True, slots=True)
class Row:
    """The size, receptive field and graph of one model."""

    name: str
    trained: TrainedEncoder
    onnx: str

    @property
    def receptive_field(self) -> str:
        """Receptive field in frames, or in words where it is unbounded."""
        config = self.trained.encoder.config
        if not config.streams:
            return "whole recording"
        farther = {"spatial_lstm": " and all before", "split_share": " (level: all before)"}
        return f"{config.receptive_field}{farther.get(config.family, '')}"


def greedy_cer(model: str, sessions: Sequence[Path]) -> CharacterErrors:
    """Return the greedy errors over whole sessions, taken as contiguous."""
    errors = CharacterErrors()
    for path in sessions:
        encoder = open_encoder(model, OFFLINE)
        front_end = open_front_end(encoder.facts.front_end, encoder.facts.layout)
        greedy, labels = GreedyDecoder(), list[int]()
        with SessionReader(path) as session:
            for chunk in session.chunks():
                emission = encoder.push(front_end.push(chunk))
                labels += [key.label for key in greedy.push(emission)]
            labels += [key.label for key in greedy.push(encoder.finish())]
            errors += CharacterErrors.between(labels, session.labels(session.start, session.end))
    return errors


def hop_ms(encoder: OnnxEncoder | WholeEncoder, calls: int, *, paced: bool) -> float:
    """Return the median milliseconds of a hop's call, back to back or paced as live frames."""
    shape = (encoder.hop, *encoder.facts.front_end.shape(encoder.facts.layout))
    values = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    frames = Frames.complete(values, np.zeros(encoder.hop))
    took = []
    due = time.perf_counter()
    for _ in range(calls):
        if paced:
            due += encoder.hop * PERIOD
            time.sleep(max(0.0, due - time.perf_counter()))
        start = time.perf_counter()
        encoder.push(frames)
        took.append(time.perf_counter() - start)
    return 1e3 * float(np.median(took))


def whole_ms(encoder: OnnxEncoder | WholeEncoder, hop: int, frames: int = 7500) -> float:
    """Return milliseconds for `hop` frames of a minute that is encoded at once."""
    encoder.reset()
    shape = (frames, *encoder.facts.front_end.shape(encoder.facts.layout))
    values = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    encoder.push(Frames.complete(values, PERIOD * np.arange(float(frames))))
    start = time.perf_counter()
    encoder.finish()
    return 1e3 * (time.perf_counter() - start) * hop / frames


def untrained(folder: Path) -> list[Row]:
    """Return the families at their published sizes with random weights; the LSTM in both forms."""
    torch.manual_seed(0)
    variants: list[tuple[str, dict[str, Any]]] = [(family, {"family": family}) for family in FAMILIES]
    variants.append(("spatial_lstm, forward", {"family": "spatial_lstm", "bidirectional": False}))
    rows = []
    for name, values in track(variants, "exporting", transient=True):
        config = model_config(values).for_frames(LAYOUT, StftFacts().bins)
        trained = TrainedEncoder(encoder_of(config).eval(), LAYOUT, StftFacts(), {}, 0)
        rows.append(Row(name, trained, _exported(name, trained, folder)))
    return rows


def trained_ones(paths: Sequence[Path], folder: Path) -> list[Row]:
    """Return the models of checkpoints, runs (their best checkpoint) and bundles."""
    rows = []
    for path in paths:
        best = path / "checkpoints" / "best.ckpt"
        trained = load_encoder(best if best.is_file() else path)
        model = path / "encoder.onnx"
        name = f"{trained.encoder.family} ({path.name})"
        rows.append(Row(name, trained, str(model) if model.is_file() else _exported(name, trained, folder)))
    return rows


def _exported(name: str, trained: TrainedEncoder, folder: Path) -> str:
    facts = facts_of(trained, name=name, hop=4, provenance={})
    bundle = Path(tempfile.mkdtemp(dir=folder)) / "bundle"
    export_bundle(trained.encoder, bundle, facts, "")
    return str(bundle / "encoder.onnx")


def table_of(rows: Sequence[Row], sessions: Sequence[Path], calls: int) -> Table:
    """Return a table with a line per model; CER and delay where there are sessions."""
    table = Table("family", "parameters", "receptive field, frames", title="Encoder families, ONNX on one thread")
    for heading in ["greedy CER, %", "press → emission, ms"] if sessions else []:
        table.add_column(heading, justify="right")
    for hop in HOPS:
        table.add_column(f"{hop} frame{'s' * (hop > 1)}: ms paced", justify="right")
        table.add_column("back to back", justify="right")
    for row in track(rows, "measuring", transient=True):
        encoder = row.trained.encoder
        cells = [row.name, f"{sum(p.numel() for p in encoder.parameters()):,}", row.receptive_field]
        if sessions:
            cells.append(f"{greedy_cer(row.onnx, sessions).cer:.2f}")
            try:
                cells.append(f"{emission_delay_ms(row.trained, sessions):.0f}")
            # Not one key was decoded rightly.
            except InputError:
                cells.append("–")
        for hop in HOPS:
            graph = open_encoder(row.onnx, hop)
            if graph.facts.encoder.kind == "streaming":
                times = [hop_ms(graph, calls // hop, paced=paced) for paced in (True, False)]
                cells += [f"{took:.2f}" for took in times]
            else:
                cells += ["replay only", f"{whole_ms(graph, hop):.2f}"]
        table.add_row(*cells)
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="runs, checkpoints or bundles")
    parser.add_argument(
        "--sessions", type=Path, nargs="+", default=[], help="held-out session files, or folders of them"
    )
    parser.add_argument("--untrained", action="store_true", help="published sizes, random weights; also without models")
    parser.add_argument("--calls", type=int, default=500, help="graph calls per timing, at a hop of 1 frame")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = trained_ones(arguments.models, Path(folder))
            sessions = session_files(tuple(arguments.sessions))
        except InputError as error:
            parser.error(str(error))
        rows += untrained(Path(folder)) if arguments.untrained or not rows else []
        publish(arguments, [table_of(rows, sessions, arguments.calls)])


if __name__ == "__main__":
    main()
