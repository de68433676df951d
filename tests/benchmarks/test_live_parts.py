"""The benchmarks' wristbands, on loopback, and what is computed from what they sent."""

import numpy as np
import pylsl
import pytest

from adapters.lsl.source import open_stream
from adapters.sessions.format import LAYOUT
from benchmarks.live_parts import PIECE, Pushes, machine_cpu, wristbands


def test_a_sample_was_pushed_with_the_push_that_holds_it() -> None:
    pushes = Pushes(np.array([1.0, 1.008, 1.016]), np.array([5.0, 6.0, 7.0]))
    times = np.array([1.0, 1.00001, 0.9999, 1.0005, 1.008, 1.016])
    assert pushes.moment(times).tolist() == [5, 5, 5, 6, 6, 7]
    with pytest.raises(ValueError, match="younger"):
        pushes.moment(np.array([1.02]))


def test_wristbands_send_stamped_and_numbered_samples_until_they_are_ended() -> None:
    before = machine_cpu()
    with wristbands("bench-test") as bands, open_stream("bench-test", LAYOUT, 10.0) as source:
        source.flush()
        received = [chunk for _ in range(20) if (chunk := source.pull(1.0)) is not None]
        pushes = bands.end()
        lost = source.lost
    times = np.concatenate([chunk.times for chunk in received])
    assert lost == 0
    assert np.diff(times) == pytest.approx(1 / LAYOUT.rate, abs=1e-4)
    moments = pushes.moment(times)
    assert (moments < pylsl.local_clock()).all()
    assert len(np.unique(moments)) >= len(times) / PIECE - 1
    assert machine_cpu() > before
