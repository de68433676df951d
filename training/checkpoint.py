"""Reading our own checkpoints back."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from decoder.errors import InputError
from decoder.strict import build
from streamer.chunk import Layout
from streamer.spectrogram import StftConstants
from training.families import Encoder, make_encoder


@dataclass(frozen=True, slots=True)
class TrainedEncoder:
    """A trained encoder and what it was trained for."""

    encoder: Encoder
    layout: Layout
    stft: StftConstants
    settings: dict[str, Any]
    epoch: int


def load_encoder(path: Path) -> TrainedEncoder:
    """Load a checkpoint written by `training.train`; nothing in it is executed.

    Raises:
        InputError: No such file, or not one of ours.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        facts = checkpoint["emgtype"]
        encoder = make_encoder(facts["model"])  # of before the other families: without its name, TDS
        prefix = "encoder."
        weights = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items() if k.startswith(prefix)}
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
        stft=build(StftConstants, facts["stft"], str(path)),
        settings=facts["settings"],
        epoch=int(checkpoint["epoch"]),
    )
