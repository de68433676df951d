"""Read emission files, which `emgtype emissions` and other encoders write."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.files.arrays import read_arrays
from messages.charset import CLASSES, KEYS
from messages.emission import Emission
from messages.errors import InputError

_FRAME_S = 0.008
"""Seconds from frame to frame in files without times: the pace of emg2qwerty's encoders."""


@dataclass(frozen=True, slots=True)
class EmissionFile:
    """Emissions, and the labels of the keys typed where the file has them."""

    emission: Emission
    labels: list[int] | None


def read_emissions(path: Path) -> EmissionFile:
    """Read an .npz with `log_probs` (F, 99), and optionally `times` (F,) s and `labels` (L,).

    Raises:
        InputError: The file is of another kind, or an array has the wrong shape, type or values.
    """
    try:
        arrays = read_arrays(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot read emissions from {path}: {error}; name an .npz made by `emgtype emissions`"
        ) from None
    if "log_probs" not in arrays:
        raise InputError(
            f"{path} holds {', '.join(arrays) or 'nothing'}: expected an array log_probs (frames, {CLASSES})"
        )
    for name, kinds in (("log_probs", "f"), ("times", "fiu"), ("labels", "iu")):
        if name in arrays and arrays[name].dtype.kind not in kinds:
            expected = "whole numbers" if kinds == "iu" else "numbers"
            raise InputError(f"{name} in {path} is an array of {arrays[name].dtype}: expected {expected}")
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
    times = np.asarray(arrays.get("times", _FRAME_S * np.arange(len(log_probs))), dtype=np.float64)
    if times.shape != (len(log_probs),):
        raise InputError(f"times in {path} has shape {times.shape}: expected ({len(log_probs)},), one per frame")
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise InputError(f"times in {path} fall, or are not finite: expected seconds that never fall")
    labels = arrays.get("labels")
    if labels is not None and (labels.ndim != 1 or ((labels < 0) | (labels >= len(KEYS))).any()):
        raise InputError(f"labels in {path} are no key labels: expected a list of numbers from 0 to {len(KEYS) - 1}")
    return EmissionFile(
        Emission(np.ascontiguousarray(log_probs, dtype=np.float32), times),
        None if labels is None else [int(label) for label in labels],
    )
