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


def test_what_is_wrong_is_told_once_and_stands_in_the_status_until_it_is_over() -> None:
    told: list[str] = []
    report = SignalReport(watch_for(load_config(), None, LAYOUT), LAYOUT, told.append)
    report.push(seconds(3))
    assert (told, report.status()) == ([], {"signal": []})
    for _ in range(3):
        report.push(dead(seconds(1), 1, [4]))
    assert told == ["electrode 4 of the right band gives nothing: press it to the skin, or clean it"]
    assert [entry["fault"] for entry in report.status()["signal"]] == ["dead"]
    assert [(entry["band"], entry["electrode"]) for entry in report.status()["signal"]] == [("right", 4)]
    report.push(seconds(6))
    assert told[1:] == ["over: electrode 4 of the right band gives nothing"]
    assert report.status() == {"signal": []}


def test_the_watch_goes_by_the_corrections_and_the_reference_of_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "profiles" / "me.toml"
    write_corrections(path, Corrections(gain=(2.0, 1.0)))
    pattern = np.broadcast_to(np.eye(16), (2, 2, 16, 16))
    write_reference(path, Reference(np.full((2, 16), 10.0), pattern), LAYOUT)
    loud = seconds(20)
    loud.samples[:2000] *= 0.1  # a rest: then the others are typing
    told: list[str] = []
    report = SignalReport(watch_for(load_config(profile="me"), "me", LAYOUT), LAYOUT, told.append)
    report.push(loud)  # 15 dB over 1 µV² between 60 and 400 Hz, and 6 more on the left by its gain
    assert any(sentence.startswith("the left band is 11 dB louder than it was") for sentence in told)
