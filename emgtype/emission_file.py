"""Emission files: what `emgtype emissions` writes and other encoders may write too."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from decoder.charset import CLASSES
from decoder.errors import InputError
from decoder.messages import Emission

_FRAME = 0.008  # seconds: the pace of emg2qwerty's encoders, for files without times


@dataclass(frozen=True, slots=True)
class EmissionFile:
    """Emissions, and what was really typed where that is known."""

    emission: Emission
    labels: list[int] | None


def read_emissions(path: Path) -> EmissionFile:
    """Read an .npz with `log_probs` (F, 99), and optionally `times` (F,) s and `labels` (L,).

    Raises:
        InputError: Not such a file; the sentence says what was found.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, BadZipFile, AttributeError) as error:
        raise InputError(
            f"cannot read emissions from {path}: {error}; name an .npz made by `emgtype emissions`"
        ) from None
    if "log_probs" not in arrays:
        raise InputError(
            f"{path} holds {', '.join(arrays) or 'nothing'}: expected an array log_probs (frames, {CLASSES})"
        )
    log_probs = arrays["log_probs"]
    if log_probs.ndim != 2 or log_probs.shape[1] != CLASSES or not len(log_probs):
        raise InputError(
            f"log_probs in {path} has shape {log_probs.shape}: expected (frames, {CLASSES}), the blank last"
        )
    totals = np.exp(log_probs.astype(np.float64)).sum(axis=1)
    if not np.allclose(totals, 1, atol=1e-2):
        worst = int(np.argmax(np.abs(totals - 1)))
        raise InputError(
            f"frame {worst} of {path} sums to {totals[worst]:.3g} as probabilities: expected natural-log probabilities "
            "that sum to 1 (apply log-softmax first)"
        )
    times = np.asarray(arrays.get("times", _FRAME * np.arange(len(log_probs))), dtype=np.float64)
    if times.shape != (len(log_probs),):
        raise InputError(f"times in {path} has shape {times.shape}: expected ({len(log_probs)},), one per frame")
    labels = arrays.get("labels")
    return EmissionFile(
        Emission(np.ascontiguousarray(log_probs, dtype=np.float32), times),
        None if labels is None else [int(label) for label in labels],
    )
