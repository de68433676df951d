"""The emission delay of a model, from key press to emission: a property of its training, stated in its facts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from adapters.sessions.reader import SessionReader
from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import matches
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke
from training.export.checkpoint import TrainedEncoder
from training.models.features import LogSpectrogram

_LONGEST_S = 1.0
"""Seconds: an emission further from its press than this belongs to another press."""


def emission_delay_ms(trained: TrainedEncoder, sessions: Sequence[Path]) -> float:
    """Return the median ms from a press to its first emission, over all correctly decoded keys of sessions.

    Args:
        trained: The model; it is decoded greedily.
        sessions: Held-out sessions.

    Raises:
        InputError: No key was decoded correctly.
    """
    delays: list[float] = []
    for path in sessions:
        with SessionReader(path) as session:
            delays += press_delays(trained, session.read(0, len(session)), session.keystrokes)
    if not delays:
        raise InputError(
            "no key of the sessions that measure the emission delay was decoded correctly, so that the delay is "
            "unknown: train the model longer, or measure on sessions of the person it was trained on (--measure)"
        )
    return round(1e3 * float(np.median(delays)), 1)


@torch.no_grad()
def press_delays(trained: TrainedEncoder, chunk: Chunk, presses: Sequence[Keystroke]) -> list[float]:
    """Return the seconds from press to first emission of the correctly decoded keys of a recording or a part of it.

    Args:
        trained: The model; it is decoded greedily.
        chunk: All samples of the recording or part.
        presses: Key presses; those outside the chunk are ignored.
    """
    spectrogram = LogSpectrogram(trained.stft)
    log_probs = trained.encoder(spectrogram(torch.from_numpy(chunk.samples)[None]))[0].numpy()
    newest = (np.arange(len(log_probs)) + trained.encoder.context) * trained.stft.hop + trained.stft.window - 1
    emitted = GreedyDecoder().push(Emission(log_probs, chunk.times[newest]))
    keys = [(k.start, k.label) for k in presses if k.label is not None and chunk.times[0] <= k.start <= chunk.times[-1]]
    pairs = matches([key.label for key in emitted], [label for _, label in keys])
    delays = [emitted[b].time - keys[a][0] for a, b in pairs]
    return [delay for delay in delays if abs(delay) < _LONGEST_S]
