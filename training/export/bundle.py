"""A trained encoder as a model bundle: streaming graph (checked against the offline model), card and checksums."""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from adapters.bundles.checksums import write_checksums
from messages.charset import BLANK, KEYS
from messages.errors import InputError
from messages.model_facts import CtcFacts, EncoderFacts, ModelFacts
from messages.signal import F32, Frames
from streamer.encoder.choice import open_encoder
from training.export.checkpoint import TrainedEncoder
from training.export.graph import build_graph, state_facts
from training.models.encoder_base import Encoder

ENCODER, INT8 = "encoder.onnx", "encoder.int8.onnx"
CARD = "README.md"

HOPS = (1, 2, 4, 8)
"""Numbers of frames per call at which an export is checked."""
TOLERANCE = 1e-4
"""Largest allowed difference in log-probability (nats): float32 rounding stays well below, a wrong graph does not."""
CHECKED_EMISSIONS = 100
"""Number of emissions that are compared at each hop."""


def facts_of(
    trained: TrainedEncoder,
    *,
    name: str,
    hop: int,
    provenance: Mapping[str, Any],
    emission_delay_ms: float | None = None,
) -> ModelFacts:
    """Return the facts of an encoder over the emg2qwerty keys.

    Args:
        trained: The encoder, with its layout, front end and licence.
        name: Name of the bundle.
        hop: Frames per call.
        provenance: Origin of the weights.
        emission_delay_ms: Median time from key press to emission; None: not measured.
    """
    config = trained.encoder.config
    return ModelFacts(
        name=name,
        licence=trained.licence,
        layout=trained.layout,
        front_end=trained.stft,
        encoder=EncoderFacts(
            hop=hop,
            receptive_field=config.receptive_field,
            states=state_facts(config),
            kind="streaming" if config.streams else "whole",
            family=config.family,
        ),
        decoder=CtcFacts(classes=KEYS, blank=BLANK),
        emission_delay_ms=emission_delay_ms,
        provenance=dict(provenance),
    )


def export_bundle(
    model: Encoder,
    directory: Path,
    facts: ModelFacts,
    card: str,
    *,
    hops: Sequence[int] = HOPS,
    tolerance: float = TOLERANCE,
) -> float:
    """Write encoder.onnx, README.md and SHA256SUMS; other files of the bundle (a language model) stay.

    Args:
        model: A trained model; it is not changed.
        directory: Folder of the bundle; it is created if it does not exist.
        facts: Facts for the metadata of the graph.
        card: Text of the model card.
        hops: Frames per call at which the graph is run as the daemon runs it, and compared with the offline forward.
        tolerance: Largest allowed difference, in nats.

    Returns:
        The largest difference.

    Raises:
        InputError: The facts do not fit the model, or the difference exceeds the tolerance; nothing was written.
    """
    offline = copy.deepcopy(model).cpu().eval()
    directory.parent.mkdir(parents=True, exist_ok=True)
    # The draft lies on the same file system, so that its files can be renamed.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as draft:
        encoder, readme = Path(draft, ENCODER), Path(draft, CARD)
        onnx.save(build_graph(offline, facts), encoder)
        readme.write_text(card, encoding="utf-8")
        difference = streaming_difference(offline, encoder, hops)
        # Written so that NaN is refused too.
        if not difference <= tolerance:
            raise InputError(
                f"Streaming differs from the offline forward by {difference:.2g} nats, expected at most "
                f"{tolerance:.2g}; nothing was written to {directory}: check the weights, then training.export.graph."
            )
        directory.mkdir(exist_ok=True)
        for path in (encoder, readme):
            path.replace(directory / path.name)
        # An int8 encoder that lies there was made from other weights.
        Path(directory, INT8).unlink(missing_ok=True)
    write_checksums(directory)
    return difference


def streaming_difference(model: Encoder, encoder: Path, hops: Sequence[int] = HOPS) -> float:
    """Return the largest difference in log-probability (nats) between a streaming graph and the offline forward.

    Both get noise at the level that the model was trained on.
    """
    count = model.context + CHECKED_EMISSIONS
    frames: F32 = model.plausible_frames(count, torch.Generator().manual_seed(0)).numpy()
    with torch.no_grad():
        expected = model(torch.from_numpy(frames)[None])[0].numpy()
    differences = []
    for hop in hops:
        streaming = open_encoder(str(encoder), hop)
        parts = [streaming.push(Frames.complete(frames, np.arange(float(len(frames))))), streaming.finish()]
        streamed = np.concatenate([part.log_probs for part in parts])
        differences.append(float(np.abs(streamed - expected).max()) if streamed.shape == expected.shape else np.inf)
    # np.max passes NaN on, max would not.
    return float(np.max(differences))
