"""Stamps of another clock are moved to when their samples come; those of a slow delivery are left alone."""

from copy import copy

import numpy as np
import pytest

from streamer.arrival.stamp_shift import StampShift

PACKET = 0.016


def play(shift: StampShift, ages: list[float], *, start: float = 100.0, drained: bool = True) -> list[float]:
    """The ages (s) of packets, by the stamps that come out."""
    ages_out = []
    for number, age in enumerate(ages):
        arrived = start + number * PACKET
        ages_out.append(arrived - float(shift.push(np.array([arrived - age]), arrived, drained=drained)[-1]))
    return ages_out


@pytest.mark.parametrize("age", [20.0, 1.7e9, -4000.0])
def test_a_clock_that_no_backlog_explains_is_put_right_at_once(age: float) -> None:
    shift = StampShift()
    assert play(shift, [age, age]) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert shift.seconds == pytest.approx(age)


@pytest.mark.parametrize("age", [0.01, 0.9, -5.0])
def test_stamps_of_a_plausible_age_are_not_moved(age: float) -> None:
    shift = StampShift()
    assert play(shift, [age] * 200) == pytest.approx([age] * 200)
    assert shift.seconds == 0.0


def test_old_stamps_with_nothing_waiting_are_another_clock_and_a_backlog_is_not() -> None:
    shift = StampShift()
    assert play(shift, [3.0] * 100)[-1] == pytest.approx(0.0, abs=1e-6)
    assert shift.seconds == pytest.approx(3.0)
    waiting = StampShift()
    assert play(waiting, [3.0] * 100, drained=False) == pytest.approx([3.0] * 100)


def test_a_state_put_into_another_shift_goes_on_alike() -> None:
    one, other = StampShift(), StampShift()
    play(one, [3.0] * 12)
    other.state = copy(one.state)
    rest = [play(shift, [3.0] * 12, start=100.0 + 12 * PACKET) for shift in (one, other)]
    assert rest[0] == rest[1]
    assert one.seconds == other.seconds == pytest.approx(3.0)
    one.reset()
    assert one.seconds == 0.0
