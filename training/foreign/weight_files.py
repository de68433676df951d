"""Files and folders that hold weights of other programs: checkpoints, safetensors, saved braindecode models."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from messages.errors import InputError
from messages.model_facts import StftFacts
from training.foreign._encoders import ForeignEncoder, encoder_from
from training.foreign._unpickle import load_untrusted
from training.models.emg2qwerty_net import EMG2QwertyNetConfig

CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_IGNORED_ARGUMENTS = {
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
"""Arguments in a saved config that do not change what a trained model computes from samples."""


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """Weights of another program, and the input that they expect."""

    foreign: ForeignEncoder
    stft: StftFacts
    rate: float
    """Samples per second of the input."""
    weights: Path
    """The file that holds the tensors."""


def read_foreign(path: Path) -> ForeignFile:
    """Read the encoder of a checkpoint, a safetensors file or a saved folder.

    If no config is saved beside the weights, the front end is that of the paper.

    Raises:
        InputError: The file is missing, has no weights of a known program, contradicts its config, or would run code.
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
    # No shape tells these settings.
    settings = {name: stated[name] for name in ("offsets", "pooling", "dropout")}
    foreign = encoder_from(_tensors(weights), str(weights), settings)
    actual = foreign.encoder.to_dict()
    if differing := [
        f"{name} {stated[name]} instead of {actual[name]}" for name in actual if stated[name] != actual[name]
    ]:
        raise InputError(
            f"{path / CONFIG} states {', '.join(differing)}, as {weights.name} has it: restore one of the two"
        )
    return ForeignFile(foreign, config.stft, config.sfreq, weights)


def _tensors(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return load_untrusted(path)
    from safetensors import SafetensorError  # noqa: PLC0415 - only such files need the package
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file ({error}): restore it from its source") from None


def _saved_config(folder: Path) -> EMG2QwertyNetConfig | None:
    path = folder / CONFIG
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}): restore it, or import the weights alone") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a table of settings: restore it, or import the weights alone")
    arguments = {key: value for key, value in values.items() if key not in _IGNORED_ARGUMENTS and value is not None}
    return EMG2QwertyNetConfig.from_dict(arguments)
