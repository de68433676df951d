"""Faults of the signal on demand: of each sample and its time alone, and the input stays as it is."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from messages.signal import Chunk
from simulator import faults
from simulator.session import LAYOUT
from streamer.conditioning.corrections import Corrections, conditioner
from streamer.conditioning.placement import Placement

PUT_ON = [Placement(3, True), Placement(-5)]
KINDS: dict[str, Callable[[Chunk], Chunk]] = {
    "dead": partial(faults.dead, band=0, electrodes=[5, 6], remains=0.1),
    "hum": partial(faults.hum, microvolts=4.0, bands=[1]),
    "noisy": partial(faults.noisy, band=1, electrode=2, microvolts=3.0),
    "saturated": partial(faults.saturated, limit=8.0, band=0, electrodes=[1]),
    "not finite": partial(faults.not_finite, band=0, electrode=9),
    "worn": partial(faults.worn, placements=PUT_ON),
    "louder": partial(faults.louder, band=1, gain=2.0),
}


def some(count: int = 4000) -> Chunk:
    samples = np.random.default_rng(1).normal(0, 10, (count, 2, 16)).astype(np.float32)
    return Chunk(samples, 1e9 + np.arange(count) / LAYOUT.rate, LAYOUT)


@pytest.mark.parametrize("kind", KINDS)
def test_the_cut_does_not_matter_and_the_input_stays(kind: str) -> None:
    whole, fault = some(), KINDS[kind]
    expected = fault(whole).samples
    cuts = [0, 1, 700, 701, 2500, 4000]
    parts = [
        fault(Chunk(whole.samples[start:end], whole.times[start:end], LAYOUT)).samples for start, end in pairwise(cuts)
    ]
    assert np.array_equal(np.concatenate(parts), expected, equal_nan=True)
    assert np.array_equal(whole.samples, some().samples)
    assert not np.array_equal(expected, whole.samples)
    assert expected.dtype == np.float32


def test_what_was_put_on_wrongly_is_put_right_by_the_same_placement() -> None:
    corrections = Corrections(tuple(p.roll for p in PUT_ON), tuple(p.mirror for p in PUT_ON))
    put_right = conditioner(corrections, LAYOUT).push(faults.worn(some(), PUT_ON))
    assert np.array_equal(put_right.samples, some().samples)


def test_noise_is_white_of_the_rms_that_it_says_and_differs_from_electrode_to_electrode() -> None:
    silent = Chunk(np.zeros((20000, 2, 16), np.float32), np.arange(20000) / LAYOUT.rate, LAYOUT)
    one, other = (faults.noisy(silent, 0, place, 3.0).samples[:, 0, place] for place in (1, 2))
    assert one.std() == pytest.approx(3.0, rel=0.02)
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
