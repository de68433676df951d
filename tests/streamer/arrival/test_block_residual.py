"""The mean residual of a block: one of each batch of equal stamps, and no cut shows."""

import math

import numpy as np
import pytest

from streamer.arrival._block_residual import BlockResidual
from tests.streamer.arrival.cutting import ways_to_cut


def test_any_cut_gives_the_same() -> None:
    rng = np.random.default_rng(0)
    stamps = np.repeat(np.cumsum(rng.uniform(0.001, 0.01, 40)), rng.integers(1, 9, 40))
    residuals = rng.normal(0, 0.01, len(stamps))
    residuals[17] = np.nan
    whole = BlockResidual(400)
    whole.push(stamps, residuals)
    for cuts in ways_to_cut(len(stamps)):
        pieced = BlockResidual(400)
        for part in zip(np.split(stamps, cuts), np.split(residuals, cuts), strict=True):
            if len(part[0]):
                pieced.push(*part)
        assert pieced == whole
        assert whole.count > 30


def test_of_equal_stamps_the_last_residual_counts_in_its_own_block() -> None:
    block = BlockResidual(400)
    block.push(np.array([1.0, 1.0, 2.0, 2.0]), np.array([9.0, 3.0, 9.0, 5.0]))
    assert block.finish(2.0) == 3.0  # the batch of 2.0 goes on in the next block
    block.push(np.array([2.0, 3.0]), np.array([7.0, 9.0]))
    assert block.finish(4.0) == (7.0 + 9.0) / 2
    assert block.batch == pytest.approx(3.0, rel=0.01)


def test_a_block_without_the_end_of_a_batch_says_nothing() -> None:
    block = BlockResidual(400)
    block.push(np.full(32, 1.0), np.linspace(0.0, -1.0, 32))
    assert block.finish(1.0) is None
    assert block.finish(math.nan) == -1.0


def test_the_pending_residual_follows_the_clock() -> None:
    block = BlockResidual(400)
    block.push(np.array([1.0]), np.array([0.5]))
    block.follow(0.2)
    assert block.finish(2.0) == pytest.approx(0.3)


def test_the_longest_batch_has_a_limit_and_fades() -> None:
    block = BlockResidual(4)
    block.push(np.array([*[1.0] * 9, 2.0]), np.zeros(10))
    assert block.batch == 4
    for stamp in range(100):
        block.finish(3.0 + stamp)
    assert 3.0 < block.batch < 3.5
