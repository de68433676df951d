"""Measure how a trained encoder's greedy CER depends on the bytes of its weights: int8, low rank, fewer hidden units.

Nothing is trained again. Low rank keeps the largest singular values of each hidden dense layer (a layer of rank r is
two of r); fewer units keeps the hidden units of each block that move its output most. Bytes are those of all weights:
at one frame per hop, reading them is most of a large encoder's time.

    python -m benchmarks.encoder_bytes exported/generic --sessions FOLDER

Int8 is the bundle's own encoder.int8.onnx.
"""

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from rich.progress import track
from rich.table import Table

from benchmarks.encoder_families import greedy_cer
from benchmarks.results import command_line, publish
from emgtype.models.bundle import open_bundle
from emgtype.session_files import session_files
from messages.model_facts import ModelFacts
from training.export.checkpoint import load_encoder
from training.export.graph import build_graph
from training.models.encoder_base import Encoder
from training.models.tds import TDSFullyConnectedBlock

SHARES = (0.75, 0.5, 0.375, 0.25)
"""Shares of the full rank, and of the hidden units."""


def blocks(model: Encoder) -> list[TDSFullyConnectedBlock]:
    """Return the blocks of two dense layers."""
    return [module for module in model.modules() if isinstance(module, TDSFullyConnectedBlock)]


@torch.no_grad()
def low_rank(model: Encoder, share: float) -> tuple[Encoder, int]:
    """Return the nearest model with a share of the rank in its hidden dense layers, and its count of weights.

    The nearest matrix of a rank keeps the largest singular values (Eckart & Young 1936).
    """
    model, saved = copy.deepcopy(model), 0
    for block in blocks(model):
        for layer in (block.first, block.second):
            rank = round(share * min(layer.weight.shape))
            u, s, v = torch.linalg.svd(layer.weight, full_matrices=False)
            layer.weight.copy_(u[:, :rank] * s[:rank] @ v[:rank])
            saved += layer.weight.numel() - rank * sum(layer.weight.shape)
    return model, _weights(model) - max(0, saved)


@torch.no_grad()
def fewer_units(model: Encoder, share: float) -> tuple[Encoder, int]:
    """Return the model with a share of each block's hidden units, and its count of weights.

    The units with the largest product of the sizes of incoming and outgoing weights stay.
    """
    model, saved = copy.deepcopy(model), 0
    for block in blocks(model):
        worth = block.first.weight.norm(dim=1) * block.second.weight.norm(dim=0)
        gone = worth.argsort()[: len(worth) - round(share * len(worth))]
        block.second.weight[:, gone] = 0
        saved += len(gone) * (block.first.in_features + 1 + block.second.out_features)
    return model, _weights(model) - saved


def _weights(model: Encoder) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def variants(model: Encoder) -> Iterator[tuple[str, Encoder, int]]:
    """Yield name, model and count of weights of each variant."""
    for share in SHARES:
        yield f"rank {100 * share:g} %", *low_rank(model, share)
    for share in SHARES:
        yield f"hidden units {100 * share:g} %", *fewer_units(model, share)


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("bundle", help="name or folder, with weights.ckpt")
    parser.add_argument("--sessions", type=Path, nargs="+", required=True, help="held-out sessions, or folders of them")
    options = parser.parse_args()
    bundle, sessions = open_bundle(options.bundle), session_files(tuple(options.sessions))
    facts: ModelFacts = bundle.facts
    model = load_encoder(bundle.folder / "weights.ckpt").encoder.eval()
    rows = {"fp32": (4 * _weights(model), greedy_cer(str(bundle.encoder), sessions))}
    if (small := bundle.folder / "encoder.int8.onnx").is_file():
        rows["int8"] = (small.stat().st_size, greedy_cer(str(small), sessions))
    with tempfile.TemporaryDirectory() as folder:
        for name, other, count in track(list(variants(model)), "decoding", transient=True):
            onnx.save(build_graph(other, facts), Path(folder, "encoder.onnx"))
            rows[name] = (4 * count, greedy_cer(str(Path(folder, "encoder.onnx")), sessions))
    table = Table(f"{facts.name}, {len(sessions)} sessions", "kB of weights", "greedy CER %")
    for name, (size, errors) in rows.items():
        table.add_row(name, f"{size / 1000:.0f}", f"{errors.cer:.2f}")
    publish(
        options, [table], {name: {"bytes": size, "greedy_cer": errors.cer} for name, (size, errors) in rows.items()}
    )


if __name__ == "__main__":
    main()
