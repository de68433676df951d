"""Samples of an impossible level are withheld, with a notice that names the factor."""

from copy import deepcopy

import numpy as np
import pytest

from messages.notice import sentence, sentences
from messages.signal import Chunk, Layout, joined
from streamer.arrival._unit_check import UnitCheck
from tests.streamer.arrival.cutting import ways_to_cut

RATE = 2000.0
LAYOUT = Layout(RATE, "uV", ("left", "right"), 3)


def noise(level: float, seconds: float = 2.0) -> Chunk:
    count = round(seconds * RATE)
    samples = level * np.random.default_rng(0).normal(size=(count, 2, 3))
    return Chunk(samples.astype(np.float32), np.arange(count) / RATE, LAYOUT)


def in_turns() -> Chunk:
    """A right level, one that is too high, and the right one again."""
    samples = np.concatenate([noise(12.0).samples, noise(12e3).samples, noise(12.0, 4.0).samples])
    return Chunk(samples, np.arange(len(samples)) / RATE, LAYOUT)


def test_any_cut_gives_the_same() -> None:
    whole = in_turns()
    expected = joined(UnitCheck(LAYOUT).push(whole))
    assert expected is not None
    # From half a second of the wrong level on, up to a quarter of a second of the right one.
    assert len(expected.times) == 16_000 - 3_500
    for cuts in ways_to_cut(len(whole.times)):
        check = UnitCheck(LAYOUT)
        pieces = zip(np.split(whole.samples, cuts), np.split(whole.times, cuts), strict=True)
        got = joined([c for samples, times in pieces for c in check.push(Chunk(samples, times, LAYOUT))])
        assert got is not None
        np.testing.assert_array_equal(got.times, expected.times)


def test_a_state_put_into_another_check_goes_on_alike() -> None:
    whole = in_turns()
    one, other = UnitCheck(LAYOUT), UnitCheck(LAYOUT)
    one.push(Chunk(whole.samples[:5_100], whole.times[:5_100], LAYOUT))
    other.state = deepcopy(one.state)
    assert other.notices == one.notices != ()
    rest = [joined(check.push(Chunk(whole.samples[5_100:], whole.times[5_100:], LAYOUT))) for check in (one, other)]
    assert rest[0] is not None
    assert rest[1] is not None
    np.testing.assert_array_equal(rest[1].times, rest[0].times)


@pytest.mark.parametrize(
    ("level", "words"),
    [(12e-6, "1,000,000 times too small"), (12e-3, "1,000 times too small"), (12e3, "1,000 times too large")],
)
def test_a_wrong_unit_is_reported_with_its_factor_and_nothing_passes(level: float, words: str) -> None:
    check = UnitCheck(LAYOUT)
    passed = joined(check.push(noise(level)))
    assert passed is not None
    assert len(passed.times) == RATE / 2
    left, right = sentences(check.notices)
    assert words in left
    assert words in right
    assert left.startswith("the left band is at ")
    assert right.startswith("the right band is at ")
    assert joined(check.push(noise(12.0, 0.5))) is not None
    assert check.notices == ()


def test_the_band_whose_unit_is_wrong_is_named_alone() -> None:
    chunk = noise(12.0)
    chunk.samples[:, 1] *= np.float32(1e3)
    check = UnitCheck(LAYOUT)
    check.push(chunk)
    (notice,) = check.notices
    assert notice.matter == ("wrong-unit", "right")
    assert sentence(notice).startswith("the right band is at 1.2")


@pytest.mark.parametrize("level", [0.0, 0.5, 2.0, 500.0])
def test_rest_clench_and_a_flat_line_are_no_matter_of_units(level: float) -> None:
    check = UnitCheck(LAYOUT)
    passed = joined(check.push(noise(level)))
    assert passed is not None
    assert len(passed.times) == 2 * RATE
    assert check.notices == ()
