"""Whatever is published has a figure beside it, and a real timeline drives a forearm."""

import numpy as np
import pytest

from benchmarks.key_statistics import log_of, statistics
from benchmarks.published_statistics import KEYS, SIGNAL, Published
from benchmarks.simulator_realism import measured, seeds
from messages.typed import Keystroke
from simulator.person import make_person

TIMELINE = [Keystroke("asdf jkl"[i % 8].replace(" ", "Key.space"), 2 + i * 0.4, 2.1 + i * 0.4) for i in range(12)]


def test_any_timeline_can_be_measured_and_gives_the_same_figures_again() -> None:
    timeline = [*TIMELINE, Keystroke("Key.tab", 7.0, 7.1)]  # real logs hold keys outside the character set
    figures = measured(make_person(900), timeline, 1, 9.0)
    assert {row.name for row in SIGNAL} <= set(figures)
    assert all(np.isfinite(figures[row.name]) for row in SIGNAL)
    assert figures == measured(make_person(900), timeline, 1, 9.0)


def test_published_key_figures_stand_beside_as_many_measured_ones() -> None:
    figures = statistics(log_of([(TIMELINE, 9.0)]))
    assert {name: len(values) for name, values in KEYS.items()} == {name: len(figures[name]) for name in KEYS}


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.5, "low"), (1.0, "ok"), (3.0, "ok"), (3.1, "high"), (float("nan"), "none")]
)
def test_a_verdict_names_the_side(value: float, verdict: str) -> None:
    assert Published("rest", "level at rest", 1, 3).verdict(value) == verdict


def test_what_is_not_published_gets_no_verdict() -> None:
    assert Published("level_low", "level").verdict(1.0) == ""


def test_people_are_a_range_or_one() -> None:
    assert seeds("900-903") == range(900, 904)
    assert seeds("7") == range(7, 8)
