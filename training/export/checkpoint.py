"""Our own checkpoints: read back, and written without what only training needs."""

import io
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from messages.errors import InputError
from messages.model_facts import OWN_LICENCE, StftFacts
from messages.signal import Layout
from messages.tables import build
from training.models.families import Encoder, make_encoder

WEIGHTS = "weights.ckpt"
"""In a bundle: what another training starts from; the daemon does not need it."""
_PREFIX = "encoder."


@dataclass(frozen=True, slots=True)
class TrainedEncoder:
    """A trained encoder and what it was trained for."""

    encoder: Encoder
    layout: Layout
    stft: StftFacts
    settings: dict[str, Any]
    epoch: int
    licence: str = OWN_LICENCE
    """SPDX expression; what starts from weights of others stays under their licence."""
    sessions: tuple[str, ...] = ()
    """Names of all sessions that it was trained on or chosen by: a test on one of them says too much."""


def load_encoder(path: Path) -> TrainedEncoder:
    """Load a checkpoint written by `training.run.train`, or a bundle's weights; nothing in it is executed.

    Args:
        path: A .ckpt file, or the folder of a bundle that holds its weights.

    Raises:
        InputError: No such file, or not one of ours.
    """
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            raise InputError(
                f"the bundle {path} holds no {WEIGHTS}, which training starts from: export it again from its checkpoint"
            )
        path = path / WEIGHTS
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        facts = checkpoint["emgtype"]
        encoder = make_encoder(facts["model"])  # of before the other families: without its name, TDS
        weights = {k.removeprefix(_PREFIX): v for k, v in checkpoint["state_dict"].items() if k.startswith(_PREFIX)}
        encoder.load_state_dict(weights)
    except OSError as error:
        raise InputError(
            f"cannot read the checkpoint {path}: {error.strerror or error}; name a .ckpt of a run"
        ) from None
    except (pickle.UnpicklingError, KeyError, TypeError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is no checkpoint of `emgtype train` ({reason}): name one from a run's checkpoints"
        ) from None
    return TrainedEncoder(
        encoder=encoder.eval(),
        layout=build(Layout, facts["layout"], str(path)),
        stft=build(StftFacts, facts["stft"], str(path)),
        settings=facts["settings"],
        epoch=int(checkpoint["epoch"]),
        licence=str(facts.get("licence", OWN_LICENCE)),
        sessions=tuple(map(str, facts.get("sessions", ()))),
    )


def checkpoint_facts(
    model: dict[str, Any],
    layout: Layout,
    stft: StftFacts,
    settings: dict[str, Any],
    licence: str,
    sessions: tuple[str, ...],
) -> dict[str, Any]:
    """What stands under "emgtype" in every checkpoint of ours, and `load_encoder` reads; `model` as of `to_dict`."""
    return {
        "model": model,
        "layout": asdict(layout),
        "stft": asdict(stft),
        "settings": settings,
        "licence": licence,
        "sessions": list(sessions),
    }


def write_weights(trained: TrainedEncoder, path: Path) -> None:
    """Write a checkpoint that `load_encoder` reads: the encoder and its facts, no optimiser, nothing to resume from."""
    state = trained.encoder.state_dict()
    checkpoint = {
        "state_dict": {_PREFIX + name: tensor.detach().cpu().clone() for name, tensor in state.items()},
        "emgtype": checkpoint_facts(
            trained.encoder.to_dict(),
            trained.layout,
            trained.stft,
            trained.settings,
            trained.licence,
            trained.sessions,
        ),
        "epoch": trained.epoch,
    }
    whole = io.BytesIO()  # a disk that is full then says so as for any other file
    torch.save(checkpoint, whole)
    path.write_bytes(whole.getbuffer())
