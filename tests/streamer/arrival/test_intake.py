"""One stream from stamps and numbers to even samples, with its losses, its rate and its delay."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import InputError
from messages.notice import sentence
from streamer.arrival.intake import Delivery, Intake

RATE = 2000.0
MODULUS = 2**24


def delivery(seconds: float, ppm: float = 0.0, jitter: float = 0.002, *, numbered: bool = True) -> Delivery:
    """Samples that tell their own time in ms since 100 s."""
    true = 100 + np.arange(round(seconds * RATE)) / (RATE * (1 + 1e-6 * ppm))
    late = np.random.default_rng(1).uniform(0, jitter, len(true) // 16 + 1)
    stamps = true + late[np.arange(len(true)) // 16]
    samples = np.column_stack([1e3 * (true - 100)] * 2).astype(np.float32)
    return Delivery(samples, stamps, np.arange(len(true)) if numbered else None, float(true[-1]) + 0.01)


def only(whole: Delivery, rows: npt.NDArray[np.int64], arrived: float | None = None) -> Delivery:
    numbers = None if whole.numbers is None else whole.numbers[rows]
    return Delivery(whole.samples[rows], whole.stamps[rows], numbers, whole.arrived if arrived is None else arrived)


def intake(stale: float = 100.0, *, numbered: bool = True) -> Intake:
    return Intake("emg", RATE, MODULUS if numbered else None, stale)


@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 12_000), max_size=20).map(sorted),
    ppm=st.sampled_from([0.0, 50.0, 5000.0]),
    numbered=st.booleans(),
    lost=st.tuples(st.integers(0, 12_000), st.integers(0, 600)),
)
def test_any_cut_gives_the_same(cuts: list[int], ppm: float, numbered: bool, lost: tuple[int, int]) -> None:
    whole = delivery(6.0, ppm, numbered=numbered)
    whole = only(whole, np.delete(np.arange(12_000), slice(lost[0], lost[0] + lost[1])))
    one, many = intake(numbered=numbered), intake(numbered=numbered)
    expected = one.push(whole)
    got = [many.push(only(whole, rows)) for rows in np.split(np.arange(len(whole.stamps)), cuts)]
    for column in (0, 1):
        np.testing.assert_array_equal(np.concatenate([piece[column] for piece in got]), expected[column])
    assert (many.lost, many.filled, many.delay) == (one.lost, one.filled, one.delay)


def test_a_lost_sample_shows_where_it_was() -> None:
    whole = delivery(5.0, jitter=0.02)
    taken = intake()
    samples, _ = taken.push(only(whole, np.delete(np.arange(10_000), [7000, 7001])))
    assert np.flatnonzero(np.isnan(samples[:, 0])).tolist() == [7000, 7001]
    assert (taken.lost, taken.filled) == (2, 2)


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("numbered", [True, False])
def test_packets_lost_at_random_are_holes_and_no_other_rate(numbered: bool, share: float) -> None:
    whole = delivery(30.0, jitter=0.0004, numbered=numbered)
    kept = np.repeat(np.random.default_rng(5).random(60_000 // 16) > share, 16)
    kept[:16] = kept[-16:] = True
    taken = intake(numbered=numbered)
    samples, times = taken.push(only(whole, np.flatnonzero(kept)))
    late = times > 105
    assert taken.resampler is None
    there = late & np.isfinite(samples[:, 0])
    np.testing.assert_allclose(1e3 * (times[there] - 100), samples[there, 0], rtol=0, atol=1.0)
    assert np.isnan(samples[late, 0]).sum() == pytest.approx((~kept[10_000:]).sum(), rel=0.05)
    assert np.diff(times[late]).max() < 2 / RATE


def test_samples_too_old_on_arrival_are_dropped() -> None:
    whole = delivery(5.0)
    taken = intake(stale=2.0)
    _, times = taken.push(whole)
    assert len(times) == pytest.approx(2 * RATE, abs=25)  # 10 ms of it on their way
    assert taken.stale == 10_000 - len(times)


@pytest.mark.parametrize("ppm", [0.0, 50.0, -200.0])
def test_a_rate_within_a_crystals_tolerance_is_not_resampled(ppm: float) -> None:
    taken = intake()
    samples, _ = taken.push(delivery(20.0, ppm))
    assert taken.resampler is None
    assert len(samples) == 40_000
    assert taken.rate == pytest.approx(RATE * (1 + 1e-6 * ppm), abs=3 * taken.rate_error)


def test_a_rate_off_by_more_is_resampled_once_it_is_measured() -> None:
    taken = intake()
    samples, times = taken.push(delivery(20.0, -5000.0))
    assert taken.resampler
    np.testing.assert_allclose(np.diff(times[21_000:]), 1 / RATE, rtol=0, atol=1e-9)
    # The samples tell their own time; the clock gives it with the mean lateness of stamps added.
    np.testing.assert_allclose(samples[21_000:, 0], 1e3 * (times[21_000:] - 100) - 1.0, rtol=0, atol=0.3)


@pytest.mark.parametrize("rate", [1000.0, 1940.0, 2100.0])
def test_another_rate_is_refused(rate: float) -> None:
    with pytest.raises(
        InputError, match=r"stream 'emg' sends about \d+ samples a second, expected 2000 within 2 %"
    ) as e:
        intake().push(delivery(30.0, 1e6 * (rate / RATE - 1), jitter=0.002, numbered=False))
    assert float(str(e.value).split()[4]) == pytest.approx(rate, rel=0.01)


def test_another_rate_is_withheld_until_it_is_the_right_one() -> None:
    taken = Intake("emg", RATE, None, 100.0, withhold=True)
    wrong, right = delivery(30.0, -1e5, numbered=False), delivery(40.0, numbered=False)
    right = replace(right, stamps=right.stamps + 31.0, arrived=right.arrived + 31.0)
    _, times = taken.push(wrong)
    assert 10 * RATE < len(times) < 12 * RATE  # some of the 18,000 came with holes
    assert taken.notice is not None
    assert sentence(taken.notice).startswith("stream 'emg' sends about 1800 samples a second, expected 2000 within 2 %")
    samples, times = taken.push(right)
    assert taken.notice is None
    assert len(times) == pytest.approx(34 * RATE, abs=2 * RATE)
    np.testing.assert_allclose(samples[:, 0], 1e3 * (times - 131.0), rtol=0, atol=2.5)


def test_stamps_that_stand_still_are_refused() -> None:
    whole = delivery(12.0)
    with pytest.raises(InputError, match="time stamps of stream 'emg' do not rise"):
        intake().push(replace(whole, stamps=np.full_like(whole.stamps, 7.0), numbers=None))


def test_the_delay_is_that_of_the_median_sample() -> None:
    taken = intake()
    whole = delivery(5.0, jitter=0.0)
    for start in range(0, 10_000, 16):
        rows = np.arange(start, start + 16)
        taken.push(only(whole, rows, arrived=float(whole.stamps[start + 15]) + 0.03))
    assert taken.delay == pytest.approx(0.03 + 7.5 / RATE, abs=1e-3)
