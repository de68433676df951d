"""Numbered samples: in order again, each once, with what was lost before each."""

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.signal import F32, F64
from streamer.arrival._sample_clock import UNKNOWN
from streamer.arrival._sample_counter import SampleCounter
from tests.streamer.arrival.cutting import ways_to_cut

RATE = 2000.0
MODULUS = 2**24
Columns = tuple[F32, F64, npt.NDArray[np.int64]]


def bad_radio() -> Columns:
    """Packets of 10 across the end of the numbers: lost, twice, out of order, and numbered anew."""
    packets = [np.arange(start, start + 10) for start in range(0, 1200, 10)]
    packets[30:32] = packets[31], packets[30]
    packets[60] = np.concatenate([packets[60], packets[60]])
    del packets[90:92]
    places = np.concatenate(packets)
    numbers = (MODULUS - 100 + places) % MODULUS
    numbers[places >= 1000] = places[places >= 1000] - 1000
    return np.arange(len(places), dtype=np.float32)[:, None], places / RATE, numbers


def rows(columns: Columns, part: slice) -> Columns:
    samples, stamps, numbers = columns
    return samples[part], stamps[part], numbers[part]


def counts(counter: SampleCounter) -> tuple[int, int, int, int]:
    return counter.lost, counter.repeated, counter.reordered, counter.recounted


def test_any_cut_gives_the_same() -> None:
    columns = bad_radio()
    whole = SampleCounter(RATE, MODULUS)
    expected = whole.push(*columns)
    for cuts in ways_to_cut(len(columns[0])):
        pieced = SampleCounter(RATE, MODULUS)
        pieces = [pieced.push(*part) for part in zip(*(np.split(column, cuts) for column in columns), strict=True)]
        for column, values in enumerate(expected):
            np.testing.assert_array_equal(np.concatenate([piece[column] for piece in pieces]), values)
        assert counts(pieced) == counts(whole) == (20, 10, 10, 1)


def test_a_state_put_into_another_counter_goes_on_alike() -> None:
    columns = bad_radio()
    one, other = SampleCounter(RATE, MODULUS), SampleCounter(RATE, MODULUS)
    one.push(*rows(columns, slice(305)))
    other.state = deepcopy(one.state)
    assert other.state.waiting is not None
    rest = [counter.push(*rows(columns, slice(305, None))) for counter in (one, other)]
    for column in range(3):
        np.testing.assert_array_equal(rest[1][column], rest[0][column])


def ordered(numbers: list[int], stamps: list[float] | None = None) -> tuple[list[int], list[int], SampleCounter]:
    """Return the places of the samples that come out, in their order, and how many were lost before each."""
    counter = SampleCounter(RATE, MODULUS)
    times = [n / RATE for n in numbers] if stamps is None else stamps
    places = np.arange(len(numbers), dtype=np.float32)[:, None]
    samples, at, lost = counter.push(places, np.array(times), np.array(numbers))
    order = samples[:, 0].astype(int).tolist()
    np.testing.assert_array_equal(at, [times[place] for place in order])
    return order, lost.tolist(), counter


def test_losses_are_counted_across_the_end_of_the_numbers() -> None:
    numbers = [MODULUS - 3, MODULUS - 2, 200, 201, 202, 400, 401]
    order, lost, counter = ordered(numbers, [0.001 * i for i in range(7)])
    assert order == [*range(7)]
    assert lost == [UNKNOWN, 0, 201, 0, 0, 197, 0]
    assert counter.lost == 398


def test_samples_behind_missing_ones_wait_until_these_come_or_50_ms_have_passed() -> None:
    order, lost, counter = ordered([0, 1, *range(4, 104)])
    assert (order, lost) == ([*range(102)], [UNKNOWN, 0, 2, *[0] * 99])
    assert (counter.lost, counter.reordered) == (2, 0)
    assert ordered([0, 1, *range(4, 103)])[0] == [0, 1]
    assert ordered([0, 1, *range(4, 103), 3, 2])[0] == [0, 1, 102, 101, *range(2, 101)]


def test_samples_out_of_order_are_put_back_and_those_twice_or_too_late_are_dropped() -> None:
    order, lost, counter = ordered([1, 2, 3, 2, 3, 6, 6, 5, 4, 7])
    assert order == [0, 1, 2, 8, 7, 5, 9]
    assert lost == [UNKNOWN, *[0] * 6]
    assert (counter.repeated, counter.reordered, counter.lost) == (3, 1, 0)
    order, lost, counter = ordered([0, 2, 150, 1, 151])
    assert (order, lost) == ([0, 1, 2, 4], [UNKNOWN, 1, 147, 0])
    assert (counter.repeated, counter.lost) == (1, 148)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(["late", "twice", "lost", "in turn", "in turn", "anew"]), min_size=1, max_size=40),
    st.lists(st.integers(0, 400), max_size=30).map(sorted),
)
def test_every_sample_is_accounted_for_whatever_befalls_the_packets(fates: list[str], cuts: list[int]) -> None:
    fates = ["in turn", *fates, *["in turn"] * 12]
    packets, number = list[npt.NDArray[np.int64]](), MODULUS - 100
    for time, fate in zip(range(0, 10 * len(fates), 10), fates, strict=True):
        number = 5 if fate == "anew" else number
        packet = np.stack([np.arange(number, number + 10) % MODULUS, np.arange(time, time + 10)])
        packets += [packet] * (fate != "lost")
        packets += packets[-1:] * (fate == "twice")
        number += 10
    for place in range(1, len(packets) - 1, 2):
        if fates[place % len(fates)] == "late":  # or whichever it is that is there now
            packets[place : place + 2] = packets[place : place + 2][::-1]
    numbers, times = np.concatenate(packets, axis=1)
    columns = np.arange(len(numbers), dtype=np.float32)[:, None], times / RATE, numbers
    whole, pieced = SampleCounter(RATE, MODULUS), SampleCounter(RATE, MODULUS)
    expected = whole.push(*columns)
    got = [pieced.push(*part) for part in zip(*(np.split(values, cuts) for values in columns), strict=True)]
    for column, values in enumerate(expected):
        np.testing.assert_array_equal(np.concatenate([piece[column] for piece in got]), values)
    assert counts(pieced) == counts(whole)
    if "anew" not in fates:
        assert len(expected[1]) + whole.repeated == len(numbers)
        assert expected[1].tolist() == sorted({*columns[1].tolist()})
        assert (whole.lost, whole.recounted) == (10 * fates.count("lost"), 0)


@pytest.mark.parametrize(("last", "then"), [(100_000, 0), (10_000_000, 0), (5, 1)])
def test_a_device_that_counts_anew_has_no_known_losses(last: int, then: int) -> None:
    order, lost, counter = ordered([last, then], [50.0, 52.0])
    assert order == [0, 1]
    assert lost == [UNKNOWN, UNKNOWN]
    assert (counter.lost, counter.recounted) == (0, 1)
