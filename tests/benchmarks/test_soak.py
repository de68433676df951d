"""Parts of the soak: a day that is repeated, and how two daemons' keys are told apart."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.soak_parts import Repeats, write_day
from benchmarks.soak_tally import START, Repetitions, Times, differences
from messages.text import Key
from simulator.session import LAYOUT

_HOP = 64


def keys(text: str, first: float = START) -> list[Key]:
    return [Key(ord(letter) - ord("a"), first + number, 0.9) for number, letter in enumerate(text)]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("day") / "day.f32"
    write_day(path, 0.4, person=1, donning=1, hop=_HOP)
    return path


def test_a_day_is_repeated_sample_for_sample_with_stamps_that_go_on(day: Path) -> None:
    source = Repeats(day, START, _HOP)
    whole = np.fromfile(day, np.float32).reshape(-1, LAYOUT.bands, LAYOUT.electrodes)
    assert len(whole) % _HOP == 0
    chunks = [source.pull() for _ in range(len(whole) // _HOP + 3)]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    np.testing.assert_array_equal(samples[: len(whole)], whole)
    np.testing.assert_array_equal(samples[len(whole) :], whole[: 3 * _HOP])
    times = np.concatenate([chunk.times for chunk in chunks])
    assert np.diff(times) == pytest.approx(1 / LAYOUT.rate, rel=1e-4)
    again = source.again()
    one, other = source.pull(), again.pull()
    np.testing.assert_array_equal(one.samples, other.samples)
    np.testing.assert_array_equal(one.times, other.times)
    source.close()
    again.close()


def test_repeats_of_another_text_are_counted() -> None:
    text = Repetitions(10.0)
    for number, typed in enumerate(("abc", "abc", "abd", "abd", "x")):
        for key in keys(typed, START + 10 * number):
            text.push(key)
    assert (text.keys, text.repeats, text.other, text.edits) == (13, 3, 1, 1)


def test_differences_are_those_after_a_moment() -> None:
    aged, fresh = keys("abcdef"), keys("axcdef")
    assert differences(aged, fresh, START + 1) == {"keys": 4, "edits": 0, "other times": 0}
    figures = differences(aged, fresh, START - 1)
    assert (figures["keys"], figures["edits"], figures["first"]["after"]) == (6, 1, 2.0)


def test_times_of_hops_are_those_since_they_were_last_asked() -> None:
    times = Times(3)
    for seconds in (9.0, 1e-6, 2e-6, 3e-6):  # no more than three are kept
        times.push(seconds)
    assert times.take()["p50"] == pytest.approx(2.0)
    times.push(5e-6)
    assert times.take()["mean"] == pytest.approx(5.0)
