"""Bands of separate streams, paired by their times, whatever the pieces and their order."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.signal import F32, BandChunk, Chunk, Layout
from streamer.arrival.aligner import BandAligner

RATE = 2000.0
LAYOUT = Layout(RATE, "uV", ("left", "right"), 3)
Times = npt.NDArray[Any]


def band(times: Times, index: int) -> BandChunk:
    """Samples that tell their own time: electrode e of band b at t holds 1000·t + 10·b + e (float32 keeps it apart)."""
    samples = 1000 * times[:, None] + 10 * index + np.arange(LAYOUT.electrodes)
    return BandChunk(samples.astype(np.float32), times, index)


def cut(chunk: BandChunk, sizes: list[int]) -> list[BandChunk]:
    pieces, start = [], 0
    for size in [*sizes, len(chunk.times)]:
        part = slice(start, start + size)
        if len(chunk.times[part]):
            pieces.append(BandChunk(chunk.samples[part], chunk.times[part], chunk.band))
        start += size
    return pieces


def align(pieces: list[BandChunk], aligner: BandAligner | None = None) -> tuple[F32, Times]:
    aligner = aligner or BandAligner(LAYOUT)
    chunks = [chunk for piece in pieces if (chunk := aligner.push(piece)) is not None]
    assert all(isinstance(chunk, Chunk) and chunk.layout == LAYOUT and len(chunk.times) for chunk in chunks)
    if not chunks:
        return np.empty((0, 2, LAYOUT.electrodes), np.float32), np.empty(0)
    return np.concatenate([c.samples for c in chunks]), np.concatenate([c.times for c in chunks])


def test_equal_stamps_pair_one_to_one() -> None:
    times = np.arange(100) / RATE
    left, right = band(times, 0), band(times, 1)
    samples, out = align([left, right])
    np.testing.assert_array_equal(out, times)
    np.testing.assert_array_equal(samples[:, 0], left.samples)
    np.testing.assert_array_equal(samples[:, 1], right.samples)


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.5, -0.3])
def test_other_band_comes_from_the_nearest_time(phase: float) -> None:
    left = np.arange(2, 90) / RATE
    right = (np.arange(100) + phase) / RATE
    aligner = BandAligner(LAYOUT)
    samples, times = align([band(left, 0), band(right, 1)], aligner)
    np.testing.assert_array_equal(times, left)
    paired = (samples[:, 1, 0] - 10) / 1000
    assert np.abs(paired - left).max() <= 0.5 / RATE + 1e-6
    assert aligner.distance == pytest.approx(abs(phase) / RATE, abs=1e-9)
    assert aligner.unpaired == 0


def test_drifting_clock_repeats_or_skips_but_never_drops() -> None:
    left = np.arange(4000) / RATE
    for drift in (0.999, 1.001):
        aligner = BandAligner(LAYOUT, capacity=10.0)
        samples, times = align([band(left, 0), band(np.arange(5000) / RATE * drift, 1)], aligner)
        np.testing.assert_array_equal(times, left)
        assert np.abs((samples[:, 1, 0] - 10) / 1000 - left).max() <= 0.5 / RATE * 1.002 + 1e-6
        assert aligner.unpaired == aligner.overflowed == 0


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), max_size=30), st.integers(0, 1000))
def test_cut_and_order_of_arrival_do_not_matter(arrivals: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = np.maximum.accumulate(np.arange(200) / RATE + rng.uniform(-4e-4, 4e-4, 200))  # jitter up to equal stamps
    right = np.delete(np.arange(230) / RATE * 1.01 + 1.3e-4, slice(60, 75))  # another clock, and a gap
    bands = [band(left, 0), band(right, 1)]
    pieces, starts = [], [0, 0]
    for index, size in [*arrivals, (1, 230), (0, 230)]:
        part = slice(starts[index], starts[index] + size)
        pieces.append(BandChunk(bands[index].samples[part], bands[index].times[part], index))
        starts[index] += size
    whole, pieced = BandAligner(LAYOUT), BandAligner(LAYOUT)
    expected, got = align(bands, whole), align(pieces, pieced)
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(got[0], expected[0])
    assert pieced.unpaired == whole.unpaired > 10  # the gap


def test_one_by_one_equals_whole() -> None:
    left, right = np.arange(300) / RATE, np.arange(300) / RATE * 1.002 - 1e-4
    whole = align([band(left, 0), band(right, 1)])
    singles = zip(cut(band(left, 0), [1] * 300), cut(band(right, 1), [1] * 300), strict=True)
    one_by_one = align([piece for pair in singles for piece in pair])
    np.testing.assert_array_equal(one_by_one[1], whole[1])
    np.testing.assert_array_equal(one_by_one[0], whole[0])
    assert len(whole[1]) >= 299


def test_gap_of_the_other_band_drops_and_counts() -> None:
    left = np.arange(100) / RATE
    aligner = BandAligner(LAYOUT)
    _, times = align([band(left, 0), band(np.delete(left, slice(40, 60)), 1)], aligner)
    np.testing.assert_array_equal(times, np.delete(left, slice(40, 60)))
    assert aligner.unpaired == 20


def test_gap_of_the_first_band_leaves_the_gap() -> None:
    right = np.arange(100) / RATE
    left = np.delete(right, slice(40, 60))
    samples, times = align([band(right, 1), band(left, 0)])
    np.testing.assert_array_equal(times, left)
    np.testing.assert_array_equal(samples[:, 1], band(left, 1).samples)


def test_a_band_that_waits_for_a_silent_one_drops_its_oldest_samples_and_counts_them() -> None:
    aligner = BandAligner(LAYOUT, capacity=0.05)  # 100 samples
    left = np.arange(1000) / RATE
    assert align(cut(band(left[:500], 0), [16] * 40), aligner)[1].size == 0
    assert aligner.overflowed == 400
    assert aligner.waiting_for == 1
    rights, lefts = cut(band(left[450:], 1), [50] * 11), cut(band(left[500:], 0), [50] * 10)
    samples, times = align(
        [rights[0], *(piece for pair in zip(lefts, rights[1:], strict=True) for piece in pair)], aligner
    )
    np.testing.assert_array_equal(times, left[450:])
    np.testing.assert_array_equal(samples[:, 0], band(left[450:], 0).samples)
    assert aligner.unpaired == 50


def test_sample_does_not_wait_for_the_successor_of_its_partner() -> None:
    aligner = BandAligner(LAYOUT)
    left = np.arange(16) / RATE
    aligner.push(band(left, 0))
    chunk = aligner.push(band(left - 2e-5, 1))  # a clock read 20 µs behind
    assert chunk is not None
    np.testing.assert_array_equal(chunk.times, left)


def test_the_band_with_the_oldest_newest_sample_is_waited_for() -> None:
    aligner = BandAligner(LAYOUT)
    times = np.arange(20) / RATE
    assert aligner.waiting_for == 0
    aligner.push(band(times[:10], 0))
    assert aligner.waiting_for == 1
    aligner.push(band(times, 1))
    assert aligner.waiting_for == 0


def test_source_that_starts_anew_is_paired_again() -> None:
    aligner = BandAligner(LAYOUT)
    later, earlier = 10 + np.arange(50) / RATE, np.arange(50) / RATE
    aligner.push(band(later, 0))
    align([band(earlier, 0)], aligner)
    assert aligner.restarts == 1
    _, times = align([band(earlier, 1)], aligner)
    np.testing.assert_array_equal(times, earlier)


def test_reset_is_like_new() -> None:
    left, right = np.arange(60) / RATE, np.arange(40) / RATE
    aligner = BandAligner(LAYOUT)
    first = align([band(left, 0), band(right, 1)], aligner)
    aligner.reset()
    again = align([band(left, 0), band(right, 1)], aligner)
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[0], again[0])
    assert aligner.restarts == 0


def test_wrong_shape_or_band_is_refused() -> None:
    aligner = BandAligner(LAYOUT)
    times = np.arange(4) / RATE
    with pytest.raises(ValueError, match="do not fit"):
        aligner.push(BandChunk(np.zeros((4, 5), np.float32), times, 0))
    with pytest.raises(ValueError, match="band 2"):
        aligner.push(BandChunk(np.zeros((4, 3), np.float32), times, 2))
