import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapters.datasets.dataset import SessionEntry, open_dataset, write_metadata
from adapters.datasets.splits import read_splits
from adapters.sessions.format import LAYOUT
from adapters.sessions.writer import SessionWriter
from emgtype.datasets.stats import dataset_stats, key_intervals
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

Run = Callable[..., subprocess.CompletedProcess[str]]


def typed(text: str, start: float, interval: float = 0.1) -> list[Keystroke]:
    return [Keystroke(key, start + i * interval, start + i * interval + 0.05) for i, key in enumerate(text)]


def write(folder: Path, name: str, user: str, keystrokes: list[Keystroke]) -> None:
    with SessionWriter(folder / f"{name}.hdf5", user=user) as writer:
        writer.keystrokes = keystrokes
        writer.append(Chunk(np.ones((1200, 2, 16), np.float32), 10 + np.arange(1200) / 2000, LAYOUT))


def test_intervals_are_within_prompts() -> None:
    keys = typed("ab", 1.0) + typed("cd", 5.0, 0.2)
    assert key_intervals(keys, []) == pytest.approx([0.1, 3.9, 0.2])
    assert key_intervals(keys, [Prompt("ab", 0.5, 2.0), Prompt("cd", 4.5, 6.0)]) == pytest.approx([0.1, 0.2])
    assert len(key_intervals([], [Prompt("ab", 0.5, 2.0)])) == 0


def test_statistics_count_what_there_is_and_name_what_is_not(tmp_path: Path) -> None:
    write(tmp_path, "s1", "00000001", [*typed("aaab", 10.0), Keystroke("Key.backspace", 10.4, 10.5)])
    write(tmp_path, "s2", "00000001", [Keystroke("Key.tab", 10.0, 10.1)])
    (tmp_path / "s4.hdf5").write_text("no")
    write_metadata(
        tmp_path,
        [
            SessionEntry("00000001", "s1", duration_mins=30, num_keystrokes=6000, quality_check_tags=("a", "b")),
            SessionEntry("00000001", "s2", duration_mins=20, num_keystrokes=2000, quality_check_tags=("a",)),
            SessionEntry("00000002", "s3", duration_mins=10, num_keystrokes=3000),
            SessionEntry("00000002", "s4"),
        ],
    )
    steps: list[None] = []
    report = dataset_stats(open_dataset(tmp_path), advance=lambda: steps.append(None))
    assert len(steps) == 4
    assert (report["users"], report["sessions"], report["hours"], report["keystrokes"]) == (2, 4, 1.0, 11000)
    assert report["keys per minute"]["p50"] == 200
    assert report["inter-key interval ms"]["p50"] == 100
    assert report["keys %"] == {"a": 60.0, "b": 20.0, "⌫": 20.0}
    assert (report["backspace %"], report["keys outside the character set"]) == (20.0, 1)
    assert report["quality tags"] == {"a": 2, "b": 1}
    assert set(report["not read"]) == {"s3", "s4"}
    json.dumps(report)


def test_the_table_alone_is_enough(tmp_path: Path) -> None:
    write_metadata(tmp_path, [SessionEntry("00000001", "s1", duration_mins=0)])
    report = dataset_stats(open_dataset(tmp_path))
    assert (report["hours"], report["keys per minute"], report["keys %"], report["backspace %"]) == (0.0, {}, {}, 0.0)


def test_the_command_lines(emgtype: Run, tmp_path: Path) -> None:
    entries = [SessionEntry(f"{user:08d}", f"u{user}-{i}") for user in range(10) for i in range(3 + user % 2)]
    write_metadata(tmp_path, entries)
    assert json.loads(emgtype("data", "stats", "--json", tmp_path).stdout)["sessions"] == 35
    shown = emgtype("data", "stats", tmp_path)
    assert (shown.returncode, "backspace %" in shown.stdout) == (0, True)
    rule = ("--test-users", 2, "--min-train", 1, "--val", 1, "--test", 1)
    made = emgtype("data", "splits", "--json", tmp_path, "--out", tmp_path / "lists" / "generic.yaml", *rule)
    held = json.loads(made.stdout)["held out"]
    generic = read_splits(tmp_path / "lists" / "generic.yaml")
    assert {user for user, _ in generic.test} == set(held.values())
    for name, user in held.items():
        assert read_splits(tmp_path / "lists" / f"{name}.yaml").users == (user,)
    again = emgtype("data", "splits", tmp_path, "--out", tmp_path / "lists" / "generic.yaml", *rule)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    refused = emgtype("data", "splits", tmp_path)
    assert (refused.returncode, "at least 6 sessions" in refused.stderr) == (2, True)
