"""The stage timer: percentiles of the newest durations, in bounded memory."""

import contextlib

import pytest

from emgtype.latency import StageTimer


def test_the_newest_durations_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emgtype.latency._NEWEST", 4)
    now = 0.0
    timer = StageTimer(clock=lambda: now)
    for seconds in (9.0, 9.0, 9.0, 1.0, 2.0, 3.0, 4.0):
        with timer("encoder"):
            now += seconds
    with contextlib.suppress(KeyError), timer("decoder"):  # what fails took its time, too
        now += 0.25
        raise KeyError
    report = timer.report()
    assert report["encoder"]["p50"] == pytest.approx(2500)
    assert report["encoder"]["max"] == pytest.approx(4000)
    assert report["decoder"]["max"] == pytest.approx(250)
