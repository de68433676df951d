"""Help of the tests of session files."""

from pathlib import Path

import h5py
import numpy as np

from adapters.sessions.format import LAYOUT, RECORD
from adapters.sessions.writer import SessionWriter
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

KEYS = (
    Keystroke("h", 10.1, 10.2),
    Keystroke("Key.shift", 10.3, 10.6),
    Keystroke("I", 10.4, 10.5),
    Keystroke("Key.tab", 11, 12),
)
PROMPTS = (Prompt("hi “you”", 10.0, 11.0),)


def chunk_of(count: int, seed: int = 0, start: float = 10.0) -> Chunk:
    samples = np.random.default_rng(seed).normal(0, 10, (count, 2, 16)).astype(np.float32)
    return Chunk(samples, start + np.arange(count) / 2000, LAYOUT)


def write(path: Path, chunk: Chunk, condition: str = "on_keyboard") -> Path:
    with SessionWriter(path, user="00000042", condition=condition) as writer:
        writer.keystrokes, writer.prompts = KEYS, PROMPTS
        writer.append(chunk)
    return path


def by_hand(path: Path, times: np.ndarray, dtype: np.dtype = RECORD, **attributes: object) -> Path:
    """Write a session file with h5py alone."""
    rows = np.zeros(len(times), dtype)
    for name in dtype.names or ():
        if name == "time":
            rows[name].T[...] = times
        else:
            rows[name] = np.random.default_rng(1).normal(0, 5, rows[name].shape)
    with h5py.File(path, "w") as file:
        group = file.create_group("emg2qwerty")
        group.create_dataset("timeseries", data=rows)
        for name, value in attributes.items():
            group.attrs[name] = value
    return path
