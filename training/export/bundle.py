"""A trained encoder as a model bundle: streaming graph (checked against the offline model), card and checksums."""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from adapters.bundles.checksums import write_checksums
from messages.charset import BLANK, KEYS
from messages.errors import InputError
from messages.model_facts import OWN_LICENCE, CtcFacts, EncoderFacts, ModelFacts, StftFacts
from messages.signal import Frames, Layout
from streamer.encoder.choice import open_encoder
from training.export.graph import build_graph, state_facts
from training.models.encoder_base import Encoder, EncoderConfig

ENCODER, INT8 = "encoder.onnx", "encoder.int8.onnx"
CARD = "README.md"

HOPS = (1, 2, 4, 8)
"""Frames per call at which an export is checked."""
TOLERANCE = 1e-4
"""Largest difference in log-probability (nats): float32 rounding stays well below, a wrong wire does not."""
CHECKED_FRAMES = 100
"""Emissions compared at each hop."""


def facts_of(
    config: EncoderConfig,
    layout: Layout,
    stft: StftFacts,
    *,
    name: str,
    hop: int,
    provenance: Mapping[str, Any],
    licence: str = OWN_LICENCE,
    emission_delay_ms: float | None = None,
) -> ModelFacts:
    """The facts of an encoder over the emg2qwerty keys (arguments as in ModelFacts)."""
    return ModelFacts(
        name=name,
        licence=licence,
        layout=layout,
        front_end=stft,
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
        model: Trained; it is not changed.
        directory: The bundle; made where it does not exist.
        facts: What the graph's metadata will say.
        card: Text of the model card.
        hops: Frames per call at which the graph is run as the daemon runs it and compared with the offline forward.
        tolerance: Largest difference allowed, in nats.

    Returns:
        The largest difference found.

    Raises:
        InputError: The facts do not fit the model, or the difference is beyond the tolerance; nothing was written.
    """
    offline = copy.deepcopy(model).cpu().eval()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as draft:  # same file system
        encoder, readme = Path(draft, ENCODER), Path(draft, CARD)
        onnx.save(build_graph(offline, facts), encoder)
        readme.write_text(card, encoding="utf-8")
        difference = streaming_difference(offline, encoder, hops)
        if not difference <= tolerance:  # also refuses NaN
            raise InputError(
                f"Streaming differs from the offline forward by {difference:.2g} nats, expected at most "
                f"{tolerance:.2g}; nothing was written to {directory}: check the weights, then training.export.graph."
            )
        directory.mkdir(exist_ok=True)
        for path in (encoder, readme):
            path.replace(directory / path.name)
        Path(directory, INT8).unlink(missing_ok=True)  # of other weights
    write_checksums(directory)
    return difference


def streaming_difference(model: Encoder, encoder: Path, hops: Sequence[int] = HOPS) -> float:
    """Largest difference in log-probability (nats) between a streaming graph and the offline forward.

    The frames compared are noise at the level that the model was trained on.
    """
    count = model.context + CHECKED_FRAMES
    frames: npt.NDArray[np.float32] = model.plausible_frames(count, torch.Generator().manual_seed(0)).numpy()
    with torch.no_grad():
        expected = model(torch.from_numpy(frames)[None])[0].numpy()
    differences = []
    for hop in hops:
        streaming = open_encoder(str(encoder), hop)
        parts = [streaming.push(Frames.complete(frames, np.arange(float(len(frames))))), streaming.finish()]
        found = np.concatenate([part.log_probs for part in parts])
        differences.append(float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf)
    return float(np.max(differences))  # NaN stays NaN
