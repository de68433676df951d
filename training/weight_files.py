"""Files and folders that hold weights of other programs: checkpoints, safetensors, saved braindecode models."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from decoder.errors import InputError
from streamer.spectrogram import StftConstants
from training.emg2qwerty_net import EMG2QwertyNetConfig
from training.foreign import Foreign, encoder_from
from training.unpickle import load_untrusted

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_NOT_SIZES = ("braindecode_version", "chs_info", "return_feature", "return_features")
"""Of a saved model's config: they change no weight."""
_DERIVED = ("spec_augment",)


def read_foreign(path: Path) -> tuple[Foreign, StftConstants, Path]:
    """The encoder in a checkpoint, a safetensors file or a saved folder, its front end, and the file of its weights.

    Raises:
        InputError: Not there, no weights of a known program, or a file that would run code.
    """
    config = _saved_config(path) if path.is_dir() else None
    weights = path
    if path.is_dir():
        weights = next((path / name for name in _WEIGHTS if (path / name).is_file()), path / _WEIGHTS[0])
        if not weights.is_file():
            raise InputError(f"{path} holds neither {' nor '.join(_WEIGHTS)}: name a folder of save_pretrained")
    settings = None
    if config is not None:
        sizes = config.encoder
        settings = {"offsets": list(sizes.offsets), "pooling": sizes.pooling}
    foreign = encoder_from(_tensors(weights), str(weights), settings)
    window = 2 * (foreign.encoder.config.bins - 1)
    return foreign, config.stft if config else replace(StftConstants(), window=window), weights


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
    path = folder / "config.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}): restore it, or import the weights alone") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is no table of settings: restore it, or import the weights alone")
    kept = {key: value for key, value in values.items() if key not in _NOT_SIZES and not key.startswith(_DERIVED)}
    return EMG2QwertyNetConfig.from_dict({key: value for key, value in kept.items() if value is not None})
