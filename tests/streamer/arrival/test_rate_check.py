"""The rate of a stream, judged from the spans of its seconds."""

from copy import deepcopy

import numpy as np
import pytest

from messages.notice import sentence
from streamer.arrival._rate_check import RateCheck


def codes(check: RateCheck, spans: list[float], gaps: float = 0.0) -> list[str | None]:
    """Return the code of the notice after each second."""
    notices = [check.push(span, gaps) for span in spans]
    return [notice.code if notice else None for notice in notices]


@pytest.mark.parametrize("span", [0.97, 1.03, 2.0])
def test_another_rate_shows_in_the_tenth_second(span: float) -> None:
    check = RateCheck("emg", 2000.0)
    assert codes(check, [span] * 12) == [None] * 9 + ["wrong-rate"] * 3
    assert check.notice is not None
    assert f"stream 'emg' sends about {2000 / span:.0f} samples a second, expected 2000" in sentence(check.notice)


def test_a_rate_within_two_per_cent_is_right_and_stamps_that_stand_still_are_not() -> None:
    assert codes(RateCheck("emg", 2000.0), [1.019] * 30) == [None] * 30
    assert codes(RateCheck("emg", 2000.0), [0.0] * 10)[-1] == "still-stamps"


def test_a_stream_that_was_right_for_twenty_seconds_is_no_other_one() -> None:
    assert codes(RateCheck("emg", 2000.0), [1.0] * 20 + [1.1] * 30) == [None] * 50


def test_losses_that_nobody_counts_are_no_other_rate() -> None:
    spans = (1.06 + np.random.default_rng(0).normal(0, 0.01, 20)).tolist()
    assert codes(RateCheck("emg", 2000.0), spans)[-1] == "wrong-rate"
    assert codes(RateCheck("emg", 2000.0), spans, gaps=0.06) == [None] * 20


def test_the_notice_ends_when_most_of_ten_seconds_were_right() -> None:
    check = RateCheck("emg", 2000.0)
    codes(check, [1.1] * 15)
    assert codes(check, [1.0] * 6) == ["wrong-rate"] * 5 + [None]


def test_a_state_put_into_another_check_goes_on_alike() -> None:
    one, other = RateCheck("emg", 2000.0), RateCheck("emg", 2000.0)
    codes(one, [1.1] * 12)
    other.state = deepcopy(one.state)
    rest = [1.0] * 4 + [1.1] * 3 + [1.0] * 8
    assert codes(other, rest) == codes(one, rest)
    one.reset()
    assert one.notice is None
    assert not one.is_enough
