import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from adapters.datasets.dataset import SessionEntry, write_metadata
from adapters.sessions.check_file import BLOCK, check_session
from adapters.sessions.findings import Finding
from adapters.sessions.format import LAYOUT, RECORD
from adapters.sessions.writer import SessionWriter
from emgtype.datasets.check import check_table, files_of
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

Run = Callable[..., subprocess.CompletedProcess[str]]
Edit = Callable[[np.ndarray, dict[str, Any]], None]
ROWS = 8000
T0 = 1_600_000_000.0
TYPED = [{"ascii": 97, "key": "a", "start": T0 + 0.5, "end": T0 + 0.6}]


def rows_of(count: int = ROWS) -> np.ndarray:
    rows = np.zeros(count, RECORD)
    rows["time"] = T0 + np.arange(count) / 2000
    for seed, side in enumerate(("emg_left", "emg_right")):
        rows[side] = np.random.default_rng(seed).normal(0, 10, (count, 16))
    return rows


def write(path: Path, rows: np.ndarray, attributes: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("emg2qwerty")
        group.create_dataset("timeseries", data=rows)
        for name, value in attributes.items():
            group.attrs[name] = value
    return path


def attributes_of(path: Path, rows: np.ndarray) -> dict[str, Any]:
    return {
        "session_name": path.stem,
        "user": "00000042",
        "condition": "on_keyboard",
        "duration_mins": (rows["time"][-1] - rows["time"][0]) / 60,
        "keystrokes": json.dumps(TYPED),
        "prompts": json.dumps([{"name": "text_prompt", "start": T0, "end": T0 + 1, "payload": {"text": "a"}}]),
    }


def findings_of(path: Path) -> dict[str, Finding]:
    findings = list(check_session(path))
    return {finding.check: finding for finding in findings}


def checked(folder: Path, edit: Edit, rows: np.ndarray | None = None) -> dict[str, Finding]:
    rows = rows_of() if rows is None else rows
    attributes = attributes_of(folder / "s1.hdf5", rows)
    edit(rows, attributes)
    return findings_of(write(folder / "s1.hdf5", rows, attributes))


def test_a_sound_file_has_nothing_to_tell(tmp_path: Path) -> None:
    assert checked(tmp_path, lambda _rows, _attributes: None) == {}
    with SessionWriter(tmp_path / "own.hdf5", user="00000042") as writer:
        writer.keystrokes, writer.prompts = [Keystroke("a", T0, T0 + 0.1)], [Prompt("a", T0, T0 + 1)]
        samples = np.random.default_rng(1).normal(0, 10, (BLOCK + 5000, 2, 16)).astype(np.float32)
        writer.append(Chunk(samples, T0 + np.arange(len(samples)) / 2000, LAYOUT))
    assert findings_of(tmp_path / "own.hdf5") == {}


def falling(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["time"][4000:] -= 1.0


def repeated(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["time"][100:103] = rows["time"][100]


def lost(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["time"][4000:] += 3.0


def fast(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["time"] = T0 + np.arange(len(rows)) / 1000


def no_stamp(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["time"][7] = np.nan


def no_number(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_right"][77, 3], rows["emg_right"][78, 3] = np.nan, np.inf


def volts(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_left"] *= np.float32(1e-6)
    rows["emg_right"] *= np.float32(1e-6)


def huge(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_left"][50, 2] = 1e5


def dead(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_left"][:, 5] = 0


def all_dead(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_left"], rows["emg_right"] = 0, 1


def pausing(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_left"][2000:4000, 5] = 1.5


def saturated(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    slow = 40 * np.sin(np.arange(len(rows)) / 50).astype(np.float32)
    rows["emg_right"][:, 9] = np.clip(slow, -30, 100)


def shifted(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
    rows["emg_right"][:, 1] += 100


@pytest.mark.parametrize(
    ("edit", "check", "severity", "says"),
    [
        (falling, "stamps-fall", "error", "at 4000"),
        (repeated, "stamps-repeat", "note", "2 of 8000"),
        (lost, "drift", "warning", "span 7.0 s"),
        (lost, "gap", "warning", "1 gaps, 3.00 s"),
        (fast, "rate", "error", "1000 Hz"),
        (no_stamp, "stamps-not-finite", "error", "at 7"),
        (no_number, "samples-not-finite", "error", "2 samples are NaN or infinite, first 77: right 3 (2)"),
        (volts, "unit", "error", "in V"),
        (huge, "range", "warning", "left 2"),
        (dead, "dead-electrode", "warning", "left 5"),
        (all_dead, "no-signal", "error", "all electrodes"),
        (pausing, "flat", "warning", "left 5 (1 s)"),
        (saturated, "saturated", "warning", "right 9"),
        (shifted, "not-high-passed", "warning", "right 1"),
    ],
)
def test_samples_and_stamps(tmp_path: Path, edit: Edit, check: str, severity: str, says: str) -> None:
    finding = checked(tmp_path, edit)[check]
    assert finding.severity == severity
    assert says in finding.message


def test_blocks_hide_nothing(tmp_path: Path) -> None:
    def edit(rows: np.ndarray, _attributes: dict[str, Any]) -> None:
        rows["time"][BLOCK:] += 0.2
        rows["emg_left"][BLOCK + 10, 0] = np.nan

    findings = checked(tmp_path, edit, rows_of(BLOCK + 2000))
    assert "1 gaps, 0.20 s" in findings["gap"].message
    assert f"first {BLOCK + 10}" in findings["samples-not-finite"].message
    assert set(findings) == {"gap", "samples-not-finite"}


def entry(start: float, end: float, key: str = "a") -> dict[str, Any]:
    return {"ascii": 0, "key": key, "start": T0 + start, "end": T0 + end}


@pytest.mark.parametrize(
    ("name", "value", "check", "severity", "says"),
    [
        ("session_name", "other", "name", "warning", "'other'"),
        ("session_name", None, "attribute", "warning", "session_name"),
        ("user", "42", "user", "warning", "eight digits"),
        ("user", 42, "user", "warning", "42"),
        ("condition", "air", "condition", "note", "prompts"),
        ("duration_mins", "long", "minutes", "error", "'long'"),
        ("duration_mins", 12.0, "minutes", "warning", "12.00"),
        ("keystrokes", "[", "json", "error", "broken JSON"),
        ("keystrokes", "{}", "json", "error", "list"),
        ("keystrokes", "[]", "empty-truth", "error", "keystrokes"),
        ("keystrokes", [entry(0.5, 0.4)], "times", "warning", "1 keystrokes end before"),
        ("keystrokes", [{"key": "a", "start": None, "end": 1}], "times", "error", "at 0"),
        ("keystrokes", [{"start": T0, "end": T0}], "keys", "error", "no key"),
        ("keystrokes", [entry(0.5, 0.6), entry(0.4, 0.7)], "unsorted", "warning", "at 1"),
        ("keystrokes", [entry(0.5, 0.6), entry(9.0, 9.1)], "outside", "warning", "1 keystrokes"),
        ("keystrokes", [entry(0.5, 0.6, "Key.tab")] * 2, "unknown-keys", "note", "'Key.tab' × 2"),
        ("prompts", "[]", "empty-truth", "note", "prompts"),
        ("prompts", [{"start": T0, "end": T0 + 1, "payload": None}], "null-payload", "note", "at 0"),
    ],
)
def test_attributes_and_truth(tmp_path: Path, name: str, value: Any, check: str, severity: str, says: str) -> None:
    def edit(_rows: np.ndarray, attributes: dict[str, Any]) -> None:
        if value is None:
            del attributes[name]
        else:
            attributes[name] = json.dumps(value) if isinstance(value, list) else value

    finding = checked(tmp_path, edit)[check]
    assert finding.severity == severity
    assert says in finding.message


def test_without_a_keyboard_the_prompts_are_the_truth(tmp_path: Path) -> None:
    def edit(_rows: np.ndarray, attributes: dict[str, Any]) -> None:
        attributes |= {"condition": "air", "keystrokes": "[]", "prompts": "[]"}

    findings = list(check_session(write_edited(tmp_path, edit)))
    severities = {f.message.split()[0]: f.severity for f in findings if f.check == "empty-truth"}
    assert severities == {"keystrokes": "note", "prompts": "error"}


def write_edited(folder: Path, edit: Edit) -> Path:
    rows = rows_of()
    attributes = attributes_of(folder / "s1.hdf5", rows)
    edit(rows, attributes)
    return write(folder / "s1.hdf5", rows, attributes)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_shortest_files_are_told_without_a_crash(tmp_path: Path, count: int) -> None:
    path = write(tmp_path / "s1.hdf5", rows_of(count), {"keystrokes": "[]", "prompts": "[]"})
    assert "attribute" in findings_of(path)


def test_other_files(tmp_path: Path) -> None:
    assert set(findings_of(tmp_path / "none.hdf5")) == {"missing"}
    (tmp_path / "text.hdf5").write_text("no")
    assert set(findings_of(tmp_path / "text.hdf5")) == {"no-hdf5"}
    whole = write_edited(tmp_path, lambda _rows, _attributes: None)
    (tmp_path / "half.hdf5").write_bytes(whole.read_bytes()[:200_000])
    assert set(findings_of(tmp_path / "half.hdf5")) == {"truncated"}
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["x"] = 1
    assert set(findings_of(tmp_path / "other.hdf5")) == {"no-group"}


def test_another_record(tmp_path: Path) -> None:
    wide = np.dtype([("emg_right", "<f8", (16,)), ("time", "<f8"), ("emg_left", "<f4", (16,)), ("more", "<i4")])
    rows, full = np.zeros(ROWS, wide), rows_of()
    for name in RECORD.names or ():
        rows[name] = full[name]
    path = write(tmp_path / "s1.hdf5", rows, attributes_of(tmp_path / "s1.hdf5", full))
    assert {check: finding.severity for check, finding in findings_of(path).items()} == {
        "dtype": "warning",
        "field": "note",
    }
    narrow = np.zeros(ROWS, [("emg_right", "<f4", (8,)), ("time", "<f8")])
    findings = list(check_session(write(tmp_path / "s1.hdf5", narrow, attributes_of(path, full))))
    assert [finding.severity for finding in findings if finding.check == "field"] == ["error", "error"]


def test_the_table_is_held_against_the_files(tmp_path: Path) -> None:
    write_edited(tmp_path, lambda _rows, _attributes: None)
    (tmp_path / "s2.hdf5").write_text("no")
    write_metadata(
        tmp_path,
        [SessionEntry("00000007", "s1", num_keystrokes=3), SessionEntry("00000042", "gone")],
    )
    table = {finding.check: finding.message for _, finding in check_table(tmp_path)}
    assert set(table) == {"missing", "unnamed", "user", "counts"}
    assert "gone" in table["missing"]
    assert "s2" in table["unnamed"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no session file"):
        files_of([tmp_path / "s1.hdf5", tmp_path / "empty"])


def test_the_command_line(emgtype: Run, tmp_path: Path) -> None:
    write_edited(tmp_path, lambda _rows, _attributes: None)
    sound = emgtype("data", "check", tmp_path)
    assert (sound.returncode, "1 files: 0 errors, 0 warnings, 0 notes" in sound.stdout) == (0, True)
    write_edited(tmp_path, falling)
    broken = emgtype("data", "check", "--json", tmp_path / "s1.hdf5")
    assert broken.returncode == 1
    report = json.loads(broken.stdout)
    assert report["files"] == 1
    assert ("error", "stamps-fall") in {(f["severity"], f["check"]) for f in report["findings"]}
