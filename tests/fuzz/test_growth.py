import random

import pytest

from tests.fuzz.growth import GROWTH, MemoryGrowth


def pushed(memory: list[float], again: int) -> MemoryGrowth:
    memory_growth = MemoryGrowth()
    for number, mb in enumerate(memory):
        if number == again:
            memory_growth.again()
        memory_growth.push(mb)
    return memory_growth


def test_a_leak_is_growth_through_all_peaks() -> None:
    chance = random.Random(1)
    memory_growth = pushed([50 + 0.01 * number + chance.choice((0, 0, 0, 20)) for number in range(1000)], again=600)
    assert memory_growth.growth == pytest.approx(0.01 * 400, abs=0.2)
    assert memory_growth.growth > GROWTH
    assert memory_growth.peak > 20


def test_what_new_inputs_alone_raise_is_none() -> None:
    assert pushed([50.0] * 500 + [70.0] * 500, again=600).growth == 0


def test_of_few_inputs_nothing_is_known() -> None:
    assert MemoryGrowth().growth == MemoryGrowth().peak == 0
    assert pushed([1.0, 9.0, 9.0, 9.0], again=1).growth == 0
