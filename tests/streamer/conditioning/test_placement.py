"""Where a band sits: found from which electrodes go together, whatever the roll, mirrored or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.conditioning.placement import FloatArray, Placement, fit, normalised

N = 16


def arm(seed: int, turned: float = 0.0) -> FloatArray:
    """(1, N, N) pattern of sixteen muscles around a limb, seen by a ring that is turned by so many electrodes."""
    rng = np.random.default_rng(seed)
    angles, strengths = rng.uniform(0, 2 * np.pi, 12), rng.uniform(0.2, 2.0, 12)
    seen = 2 * np.pi * (np.arange(N) + turned)[:, None] / N - angles
    mix = strengths * np.exp(2.0 * np.cos(seen))
    return normalised(mix @ mix.T)[None]


def moved(pattern: FloatArray, place: Placement) -> FloatArray:
    """What a band shows that `place` would put right."""
    back = np.argsort(place.order(N))
    return pattern[:, back][:, :, back]


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
def test_a_turn_by_less_than_an_electrode_is_seen(turned: float) -> None:
    found = fit(arm(5, turned), arm(5))
    assert not found.mirror
    assert found.turn == pytest.approx(turned, abs=0.26)


def test_electrodes_that_all_say_the_same_tell_no_place() -> None:
    assert not fit(np.ones((1, N, N)), np.ones((1, N, N))).sure
    assert not fit(np.zeros((1, N, N)), np.eye(N)[None]).sure
