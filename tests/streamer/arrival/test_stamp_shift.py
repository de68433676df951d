"""Stamps of another clock are moved to when their samples come; those of a slow delivery are left alone."""

import numpy as np
import pytest

from streamer.arrival.stamp_shift import StampShift

PACKET = 0.016


def play(shift: StampShift, ages: list[float], *, start: float = 100.0, drained: bool = True) -> list[float]:
    """The ages (s) of packets, by the stamps that come out."""
    found = []
    for number, age in enumerate(ages):
        arrived = start + number * PACKET
        found.append(arrived - float(shift.push(np.array([arrived - age]), arrived, drained=drained)[-1]))
    return found


@pytest.mark.parametrize("age", [20.0, 1.7e9, -4000.0])
def test_a_clock_that_no_backlog_explains_is_put_right_at_once(age: float) -> None:
    shift = StampShift()
    assert play(shift, [age, age]) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert shift.seconds == pytest.approx(age)


@pytest.mark.parametrize("age", [0.01, 0.9, -5.0])
def test_what_is_young_enough_or_ahead_is_left_as_it_is(age: float) -> None:
    shift = StampShift()
    assert play(shift, [age] * 200) == pytest.approx([age] * 200)
    assert shift.seconds == 0.0


def test_a_second_of_old_stamps_with_nothing_waiting_is_another_clock_and_a_backlog_is_none() -> None:
    shift = StampShift()
    assert play(shift, [3.0] * 100)[-1] == pytest.approx(0.0, abs=1e-6)
    assert shift.seconds == pytest.approx(3.0)
    waiting = StampShift()
    assert play(waiting, [3.0] * 100, drained=False) == pytest.approx([3.0] * 100)
