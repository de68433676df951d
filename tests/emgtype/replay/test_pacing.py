import numpy as np
import pytest

from emgtype.replay.replay import paced, pieces
from messages.signal import Chunk
from simulator.session import LAYOUT


def chunk_of(times: np.ndarray) -> Chunk:
    samples = np.arange(len(times) * 32, dtype=np.float32).reshape(-1, 2, 16)
    return Chunk(samples, times, LAYOUT)


@pytest.mark.parametrize("size", [1, 7, 32, 5000])
def test_pieces_are_the_same_samples(size: int) -> None:
    whole = [chunk_of(np.arange(1000) / 2000), chunk_of(0.5 + np.arange(37) / 2000)]
    cut = list(pieces(whole, size))
    assert all(1 <= len(p.times) <= size for p in cut)
    assert np.array_equal(np.concatenate([p.samples for p in cut]), np.concatenate([c.samples for c in whole]))
    assert np.array_equal(np.concatenate([p.times for p in cut]), np.concatenate([c.times for c in whole]))


def test_each_chunk_comes_when_its_newest_sample_would() -> None:
    now = [100.0]
    chunks = [chunk_of(50 + np.array([0.0, 0.1])), chunk_of(50 + np.array([0.2, 0.5])), chunk_of(np.array([60.0]))]
    came = []
    for chunk in paced(chunks, clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)):
        came.append((now[0], float(chunk.times[-1])))
        now[0] += 0.05  # the work on it takes its time and delays nothing
    assert [time - 100 for time, _ in came] == pytest.approx([stamp - 50 for _, stamp in came])
