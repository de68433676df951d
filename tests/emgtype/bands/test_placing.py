"""How the bands sit, by what the demo's model says to the demo's person."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from emgtype.bands.placing import Typed, likelihood, placements, steps
from emgtype.models.bundle import open_bundle
from messages.signal import Chunk, joined
from simulator.faults import worn
from streamer.conditioning.placement import Placement


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    kept = [label for place, label in enumerate(path) if place == 0 or path[place - 1] != label]
    return tuple(label for label in kept if label != blank)


@pytest.mark.parametrize("labels", [(0,), (0, 1), (1, 1), (0, 1, 0)])
def test_the_likelihood_is_the_sum_over_all_paths(labels: tuple[int, ...]) -> None:
    blank, frames, classes = 2, 5, 3
    log_probs = np.log(np.random.default_rng(4).dirichlet(np.ones(classes), frames))
    paths = [path for path in product(range(classes), repeat=frames) if collapsed(path, blank) == labels]
    expected = np.logaddexp.reduce([sum(log_probs[place, label] for place, label in enumerate(path)) for path in paths])
    assert likelihood(log_probs, labels, blank) == pytest.approx(expected)


@pytest.mark.slow
def test_a_mirrored_band_is_found_without_a_reference(session_file: Path) -> None:
    with SessionReader(session_file) as recorded:
        whole = joined(list(recorded.chunks()))
        assert whole is not None
        chunk = Chunk(whole.samples[-24000:], whole.times[-24000:], whole.layout)  # twelve seconds
        labels = tuple(recorded.labels(float(chunk.times[0]) + 1.2, recorded.end))
    done: list[None] = []
    found = placements(
        open_bundle("demo"), Typed(worn(chunk, [Placement(), Placement(4, True)]), labels), lambda: done.append(None)
    )
    assert [place.mirror for place in found] == [False, True]
    assert abs(found[0].roll) <= 2
    assert abs(found[1].roll - 4) <= 2
    assert len(done) == steps(2, 16)
