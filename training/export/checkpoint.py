"""Our own checkpoints: reading them, and writing the part that is needed after training."""

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
"""File of a bundle from which another training can start; the daemon does not need it."""
_PREFIX = "encoder."


@dataclass(frozen=True, slots=True)
class TrainedEncoder:
    """A trained encoder, with the input that it expects and its origin."""

    encoder: Encoder
    layout: Layout
    stft: StftFacts
    settings: dict[str, Any]
    """Settings of its training, as plain values."""
    epoch: int
    licence: str = OWN_LICENCE
    """SPDX expression; a model that started from the weights of others keeps their licence."""
    sessions: tuple[str, ...] = ()
    """Names of all sessions that it was trained on or chosen by: tests on them would be too good."""


def load_encoder(path: Path) -> TrainedEncoder:
    """Load a checkpoint of `training.run.train`, or the weights of a bundle; nothing in it is executed.

    Args:
        path: A .ckpt file, or the folder of a bundle that holds its weights.

    Raises:
        InputError: There is no such file, or it is not a checkpoint of emgtype.
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
        # Checkpoints that are older than the other families name no family: they hold a TDS encoder.
        encoder = make_encoder(facts["model"])
        weights = {k.removeprefix(_PREFIX): v for k, v in checkpoint["state_dict"].items() if k.startswith(_PREFIX)}
        encoder.load_state_dict(weights)
    except OSError as error:
        raise InputError(
            f"cannot read the checkpoint {path}: {error.strerror or error}; name a .ckpt of a run"
        ) from None
    except (pickle.UnpicklingError, KeyError, TypeError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a checkpoint of `emgtype train` ({reason}): name a file of a run's checkpoints folder"
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
    """Return the table "emgtype" of a checkpoint, which `load_encoder` reads; `model` is from `Encoder.to_dict`."""
    return {
        "model": model,
        "layout": asdict(layout),
        "stft": asdict(stft),
        "settings": settings,
        "licence": licence,
        "sessions": list(sessions),
    }


def write_weights(trained: TrainedEncoder, path: Path) -> None:
    """Write a checkpoint that `load_encoder` reads: encoder and facts, without the state to resume a training."""
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
    # Written as bytes, so that a full disk raises OSError as for any other file.
    data = io.BytesIO()
    torch.save(checkpoint, data)
    path.write_bytes(data.getbuffer())
