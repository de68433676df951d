"""Files and folders that hold weights of other programs: checkpoints, safetensors, saved braindecode models."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from messages.errors import InputError
from messages.model_facts import StftFacts
from training.foreign.encoders import Foreign, encoder_from
from training.foreign.unpickle import load_untrusted
from training.models.emg2qwerty_net import EMG2QwertyNetConfig

CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_IRRELEVANT = {
    "braindecode_version",
    "chs_info",
    "n_times",
    "input_window_seconds",
    "return_feature",
    "return_features",
    "spec_augment",
    "spec_augment_prob",
    "n_time_masks",
    "time_mask_param",
    "n_freq_masks",
    "freq_mask_param",
}
"""Of a saved model's config: they change nothing about what it computes from samples, once it is trained."""


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """Weights of another program, and what they take."""

    foreign: Foreign
    stft: StftFacts
    rate: float
    """Samples per second."""
    weights: Path
    """The file that holds the tensors."""


def read_foreign(path: Path) -> ForeignFile:
    """The encoder in a checkpoint, a safetensors file or a saved folder.

    Where no config is saved beside the weights, the front end is the paper's.

    Raises:
        InputError: Not there, no weights of a known program, a config that they contradict, or a file that would run
            code.
    """
    config = _saved_config(path) if path.is_dir() else None
    weights = path
    if path.is_dir():
        weights = next((path / name for name in _WEIGHTS if (path / name).is_file()), path / _WEIGHTS[0])
        if not weights.is_file():
            raise InputError(f"{path} holds neither {' nor '.join(_WEIGHTS)}: name a folder of save_pretrained")
    if config is None:
        foreign = encoder_from(_tensors(weights), str(weights))
        stft = replace(StftFacts(), window=2 * (foreign.encoder.config.bins - 1))
        return ForeignFile(foreign, stft, EMG2QwertyNetConfig().sfreq, weights)
    stated = config.encoder.to_dict()
    settings = {name: stated[name] for name in ("offsets", "pooling", "dropout")}  # of these no shape tells
    foreign = encoder_from(_tensors(weights), str(weights), settings)
    found = foreign.encoder.to_dict()
    if differing := [
        f"{name} {stated[name]} instead of {found[name]}" for name in found if stated[name] != found[name]
    ]:
        raise InputError(
            f"{path / CONFIG} states {', '.join(differing)}, as {weights.name} has it: restore one of the two"
        )
    return ForeignFile(foreign, config.stft, config.sfreq, weights)


def _tensors(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return load_untrusted(path)
    from safetensors import SafetensorError  # noqa: PLC0415 - only such files need it
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no safetensors file ({error}): restore it from its source") from None


def _saved_config(folder: Path) -> EMG2QwertyNetConfig | None:
    path = folder / CONFIG
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}): restore it, or import the weights alone") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is no table of settings: restore it, or import the weights alone")
    kept = {key: value for key, value in values.items() if key not in _IRRELEVANT and value is not None}
    return EMG2QwertyNetConfig.from_dict(kept)
