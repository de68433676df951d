import numpy as np

from emgtype.latency import StageTimer, percentiles
from emgtype.replay.key_delays import ShownKeys, key_delays
from messages.text import Key, TextEvent


def event(erase: int, insert: list[int], tail: int, time: float) -> TextEvent:
    return TextEvent(erase, tuple(Key(label, time, 1.0) for label in insert), tail, time, 0)


def test_a_key_is_shown_when_its_surviving_version_appears_and_final_when_it_leaves_the_tail() -> None:
    keys = ShownKeys()
    keys.push(event(0, [1, 2], 2, 1.0))
    keys.push(event(1, [3], 1, 2.0))
    keys.push(event(0, [], 0, 3.0), lateness=0.5)
    assert keys.labels == [1, 3]
    assert keys.shown == [1.0, 2.0]
    assert keys.final == [2.0, 3.5]
    assert keys.erased == 1


def test_delays_are_of_matched_keys_only() -> None:
    keys = ShownKeys()
    keys.push(event(0, [5, 9, 7], 0, 2.0))
    delays = key_delays([1.0, 1.1, 1.2, 1.5], [5, 6, 8, 7], keys)
    assert np.allclose(delays.shown, [1.0, 0.5])
    assert np.allclose(delays.final, [1.0, 0.5])


def test_percentiles_of_nothing_are_empty() -> None:
    assert percentiles([]) == {}


def test_timer_reports_milliseconds_by_stage() -> None:
    ticks = iter([0.0, 0.001, 5.0, 5.003])
    timer = StageTimer(lambda: next(ticks))
    for _ in range(2):
        with timer("encoder"):
            pass
    report = timer.report()["encoder"]
    assert np.isclose(report["p50"], 2.0)
    assert np.isclose(report["max"], 3.0)
