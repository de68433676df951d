"""How late a model emits: from key press to emission, a property of its training that travels with it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from adapters.session_reader import SessionReader
from decoder.charset import BLANK
from decoder.errors import InputError
from training.checkpoint import TrainedEncoder
from training.features import LogSpectrogram

_FAR = 1.0  # seconds: an emission further from its press answers another one


@torch.no_grad()
def emission_delay_ms(trained: TrainedEncoder, sessions: Sequence[Path]) -> float:
    """Median ms from a key's press to its first emission, over all greedily right keys of held-out sessions.

    Raises:
        InputError: Not one key was decoded rightly.
    """
    spectrogram = LogSpectrogram(trained.stft)
    delays: list[float] = []
    for path in sessions:
        with SessionReader(path) as session:
            chunk = session.read(0, len(session))
            keys = [(k.start, k.label) for k in session.keystrokes if k.label is not None]
        best = trained.encoder(spectrogram(torch.from_numpy(chunk.samples)[None]))[0].argmax(-1).numpy()
        starts = np.flatnonzero((best != BLANK) & (best != np.concatenate([[BLANK], best[:-1]])))
        context = trained.encoder.config.receptive_field - 1
        newest = (starts + context) * trained.stft.hop + trained.stft.window - 1
        times = chunk.times[newest]
        blocks = Levenshtein.editops([label for _, label in keys], best[starts].tolist()).as_matching_blocks()
        found = [float(times[b.b + i] - keys[b.a + i][0]) for b in blocks for i in range(b.size)]
        delays += [delay for delay in found if abs(delay) < _FAR]
    if not delays:
        raise InputError(
            "not one key of the sessions was decoded rightly: the model is untrained, or they are not its person's"
        )
    return round(1e3 * float(np.median(delays)), 1)
