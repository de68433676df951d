"""The report on a signal: each fault is logged once when it begins and once when it is over."""

from pathlib import Path

import numpy as np
import pytest

from emgtype.bands.profile_file import write_corrections, write_reference
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import load_config
from messages.signal import Chunk
from simulator.faults import dead
from simulator.session import LAYOUT
from streamer.conditioning.corrections import Corrections
from streamer.quality.watch import Reference


def seconds(count: int) -> Chunk:
    samples = np.random.default_rng(1).normal(0, 10, (2000 * count, 2, 16)).astype(np.float32)
    return Chunk(samples, np.arange(2000 * count) / 2000, LAYOUT)


def test_a_fault_is_logged_once_and_stands_in_the_status_until_it_is_over() -> None:
    log_lines: list[str] = []
    report = SignalReport(watch_for(load_config(), None, LAYOUT), LAYOUT, log_lines.append)
    report.push(seconds(3))
    assert (log_lines, report.status()) == ([], {"signal": []})
    for _ in range(3):
        report.push(dead(seconds(1), 1, [4]))
    assert log_lines == ["electrode 4 of the right band gives nothing: press it to the skin, or clean it"]
    assert [entry["fault"] for entry in report.status()["signal"]] == ["dead"]
    assert [(entry["band"], entry["electrode"]) for entry in report.status()["signal"]] == [("right", 4)]
    report.push(seconds(6))
    assert log_lines[1:] == ["over: electrode 4 of the right band gives nothing"]
    assert report.status() == {"signal": []}


def test_the_watch_uses_the_corrections_and_the_reference_of_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "profiles" / "me.toml"
    write_corrections(path, Corrections(gain=(2.0, 1.0)))
    pattern = np.broadcast_to(np.eye(16), (2, 2, 16, 16))
    write_reference(path, Reference(np.full((2, 16), 10.0), pattern), LAYOUT)
    loud = seconds(20)
    # One second of rest makes typing of the others.
    loud.samples[:2000] *= 0.1
    log_lines: list[str] = []
    report = SignalReport(watch_for(load_config(profile="me"), "me", LAYOUT), LAYOUT, log_lines.append)
    # 15 dB over 1 µV² between 60 and 400 Hz, and 6 more on the left by its gain.
    report.push(loud)
    assert any(sentence.startswith("the left band is 11 dB louder than it was") for sentence in log_lines)
