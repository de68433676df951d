"""How a band sits, found from which of its electrodes go together, rolled or mirrored in any way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.signal import F64
from streamer.conditioning.placement import Placement, fit, normalised

N = 16
"""Electrodes."""
placements = st.builds(Placement, st.integers(-40, 40), st.booleans())


def arm(seed: int, turned: float = 0.0) -> F64:
    """Return the (1, N, N) pattern of twelve muscles around a limb, seen by a ring turned by so many electrodes."""
    rng = np.random.default_rng(seed)
    angles, strengths = rng.uniform(0, 2 * np.pi, 12), rng.uniform(0.2, 2.0, 12)
    distances = 2 * np.pi * (np.arange(N) + turned)[:, None] / N - angles
    mix = strengths * np.exp(2.0 * np.cos(distances))
    return normalised(mix @ mix.T)[None]


def moved(pattern: F64, place: Placement) -> F64:
    """Return the pattern of a band that `place` would put right."""
    back = np.argsort(place.order(N))
    return pattern[:, back][:, :, back]


def test_corrected_electrodes_come_from_where_the_order_says() -> None:
    assert Placement(1).order(4).tolist() == [3, 0, 1, 2]
    assert Placement(mirror=True).order(4).tolist() == [0, 3, 2, 1]
    assert Placement(1, mirror=True).order(4).tolist() == [1, 0, 3, 2]


@given(first=placements, second=placements)
def test_two_placements_in_turn_are_one(first: Placement, second: Placement) -> None:
    ring = np.arange(N)
    assert np.array_equal(ring[first.order(N)][second.order(N)], ring[first.then(second, N).order(N)])


def test_covariances_become_correlations() -> None:
    covariance = np.array([[4.0, 3.0, 0.0], [3.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    expected = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(normalised(covariance), expected)


@settings(max_examples=40)
@given(seed=st.integers(0, 50), roll=st.integers(0, N - 1), mirror=st.booleans())
def test_every_roll_and_mirror_is_found(seed: int, roll: int, mirror: bool) -> None:
    reference, place = arm(seed), Placement(roll, mirror)
    found = fit(moved(reference, place), reference)
    assert found.mirror == mirror
    assert found.placement.roll % N == roll
    assert found.distance < 1e-6
    assert found.sure


@pytest.mark.parametrize("turned", [-1.25, 0.5, 2.75])
def test_a_turn_by_parts_of_an_electrode_is_found(turned: float) -> None:
    found = fit(arm(5, turned), arm(5))
    assert not found.mirror
    assert found.turn == pytest.approx(turned, abs=0.26)


def test_a_pattern_that_looks_the_same_everywhere_gives_no_sure_place() -> None:
    assert not fit(np.ones((1, N, N)), np.ones((1, N, N))).sure
    assert not fit(np.zeros((1, N, N)), np.eye(N)[None]).sure
