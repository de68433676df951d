from hypothesis import given
from hypothesis import strategies as st

from adapters.inject._pace import QUICK, SLOWEST, Pace

LAGS = st.lists(st.one_of(st.none(), st.floats(0, 5)), max_size=50)


@given(LAGS)
def test_the_pause_stays_in_its_bounds_and_follows_a_slow_window_at_once(lags: list[float | None]) -> None:
    pace = Pace(0.02, 0.005)
    for lag in lags:
        before = pace.pause
        pace.update(lag)
        assert 0.005 <= pace.pause <= SLOWEST
        if lag is None:
            assert pace.pause == before
        elif lag > QUICK:
            assert pace.pause >= min(lag, SLOWEST)
        else:
            assert pace.pause <= before


def test_a_window_that_keeps_up_is_typed_into_as_fast_as_allowed() -> None:
    pace = Pace(0.02, 0.005)
    for _ in range(20):
        pace.update(0.001)
    assert pace.pause == 0.005
    pace.update(0.2)
    assert pace.pause == 0.2
    for _ in range(40):
        pace.update(0.001)
    assert pace.pause == 0.005
