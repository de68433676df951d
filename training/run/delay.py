"""How late a model emits: from key press to emission, a property of its training that travels with it."""

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

_FAR = 1.0  # seconds: an emission further from its press answers another one


def emission_delay_ms(trained: TrainedEncoder, sessions: Sequence[Path]) -> float:
    """Median ms from a key's press to its first emission, over all greedily right keys of held-out sessions.

    Raises:
        InputError: Not one key was decoded rightly.
    """
    delays: list[float] = []
    for path in sessions:
        with SessionReader(path) as session:
            delays += press_delays(trained, session.read(0, len(session)), session.keystrokes)
    if not delays:
        raise InputError(
            "not one key of the sessions was decoded rightly: the model is untrained, or they are not its person's"
        )
    return round(1e3 * float(np.median(delays)), 1)


@torch.no_grad()
def press_delays(trained: TrainedEncoder, chunk: Chunk, presses: Sequence[Keystroke]) -> list[float]:
    """Seconds from press to first emission of the greedily right keys of a recording, or of a part of one."""
    spectrogram = LogSpectrogram(trained.stft)
    log_probs = trained.encoder(spectrogram(torch.from_numpy(chunk.samples)[None]))[0].numpy()
    newest = (np.arange(len(log_probs)) + trained.encoder.context) * trained.stft.hop + trained.stft.window - 1
    emitted = GreedyDecoder().push(Emission(log_probs, chunk.times[newest]))
    keys = [(k.start, k.label) for k in presses if k.label is not None and chunk.times[0] <= k.start <= chunk.times[-1]]
    pairs = matches([key.label for key in emitted], [label for _, label in keys])
    found = [emitted[b].time - keys[a][0] for a, b in pairs]
    return [delay for delay in found if abs(delay) < _FAR]
