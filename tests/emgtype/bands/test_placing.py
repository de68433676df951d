"""The demo's model finds how the bands of the demo's person sit."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from emgtype.bands.placing import TypedSignal, likeliest_placements, likelihood, steps
from emgtype.models.bundle import open_bundle
from messages.signal import Chunk, joined
from simulator.faults import worn
from streamer.conditioning.placement import Placement


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    without_repeats = [label for place, label in enumerate(path) if place == 0 or path[place - 1] != label]
    return tuple(label for label in without_repeats if label != blank)


@pytest.mark.parametrize("labels", [(0,), (0, 1), (1, 1), (0, 1, 0)])
def test_the_likelihood_is_the_sum_over_all_paths(labels: tuple[int, ...]) -> None:
    blank, frames, classes = 2, 5, 3
    log_probs = np.log(np.random.default_rng(4).dirichlet(np.ones(classes), frames))
    paths = [path for path in product(range(classes), repeat=frames) if collapsed(path, blank) == labels]
    expected = np.logaddexp.reduce([sum(log_probs[place, label] for place, label in enumerate(path)) for path in paths])
    assert likelihood(log_probs, labels, blank) == pytest.approx(expected)


def test_the_first_band_is_searched_twice() -> None:
    assert steps(1, 16) == 2 * 16 * 2
    assert steps(3, 8) == 2 * 8 * 4


@pytest.mark.slow
def test_a_mirrored_band_is_found_without_a_reference(session_file: Path) -> None:
    with SessionReader(session_file) as recorded:
        whole = joined(list(recorded.chunks()))
        assert whole is not None
        # Twelve seconds.
        chunk = Chunk(whole.samples[-24000:], whole.times[-24000:], whole.layout)
        labels = tuple(recorded.labels(float(chunk.times[0]) + 1.2, recorded.end))
    calls: list[None] = []
    signal = TypedSignal(worn(chunk, [Placement(), Placement(4, True)]), labels)
    left, right = likeliest_placements(open_bundle("demo"), signal, lambda: calls.append(None))
    assert (left.mirror, right.mirror) == (False, True)
    assert abs(left.roll) <= 2
    assert abs(right.roll - 4) <= 2
    assert len(calls) == steps(2, 16) == 96
