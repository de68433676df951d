from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyxdf", reason="pyxdf reads the files back")

from adapters.datasets.xdf_reader import read_xdf
from adapters.datasets.xdf_writer import XdfWriter
from messages.errors import InputError
from messages.signal import EMG2QWERTY, Chunk

STARTED = "2026-11-21T12:00:00+00:00"


def chunk(first: int, count: int) -> Chunk:
    numbers = np.arange(first, first + count)
    samples = np.random.default_rng(first).normal(0, 10, (count, 2, 16)).astype(np.float32)
    return Chunk(samples, 5.0 + numbers / EMG2QWERTY.rate, EMG2QWERTY)


def test_samples_and_texts_are_read_back_bit_by_bit(tmp_path: Path) -> None:
    path = tmp_path / "s.xdf"
    # More than 255 samples and characters, so that lengths of one and of four bytes occur.
    chunks = [chunk(0, 300), chunk(300, 7), chunk(307, 0)]
    texts = [(5.25, "é" * 200), (5.5, "<&>")]
    with XdfWriter(path, STARTED) as writer:
        samples, markers = writer.samples("emg & co", EMG2QWERTY), writer.markers("keys")
        for each in chunks:
            samples.append(each)
        for time, text in texts:
            markers.append(time, text)
    assert path.stat().st_mode & 0o077 == 0
    recording = read_xdf(path, EMG2QWERTY, ["emg & co"])
    (read,) = recording.chunks()
    assert np.array_equal(read.samples, np.concatenate([each.samples for each in chunks]))
    assert np.array_equal(read.times, np.concatenate([each.times for each in chunks]))
    assert recording.markers == tuple(texts)


def test_an_existing_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.xdf"
    path.write_text("before")
    with pytest.raises(InputError, match="exists already"):
        XdfWriter(path, STARTED)
    assert path.read_text() == "before"
