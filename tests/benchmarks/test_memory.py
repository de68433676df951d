"""Growth of memory over time."""

import pytest

from benchmarks.memory import growth


def test_growth_is_the_slope_once_it_is_warm() -> None:
    warm = [50.0, 80.0, 99.0, 99.5]
    assert growth([*warm, 100.0, 100.0, 100.0, 100.0, 100.0]) == pytest.approx(0, abs=1e-6)
    assert growth([*warm, 100.0, 101.0, 102.0, 103.0]) == pytest.approx(3600)
    assert growth([100.0]) == 0
