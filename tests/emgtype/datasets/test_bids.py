import csv
import json
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.datasets.bdf_writer import DIGITAL_MAX, physical_max
from adapters.datasets.dataset import SessionEntry, open_dataset
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from emgtype.datasets.events import escape, read_events, unescape, write_events
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

Run = Callable[..., subprocess.CompletedProcess[str]]
T0 = 1_600_000_000.123456
ODD_KEYS = ["a", "Key.space", " ", '"', "\\", "\t", "é", "n/a", "#", "'", "⏎", "\\x22"]


def write(path: Path, user: str, times: np.ndarray, keys: list[str]) -> None:
    samples = np.random.default_rng(len(times)).normal(0, 10, (len(times), 2, 16)).astype(np.float32)
    samples[:, 1, 15] = 0
    samples[100, 0, 3] = -6000.5
    with SessionWriter(path, user=user, origin={"simulator": '{"population": "1f"}'}) as writer:
        writer.keystrokes = [Keystroke(key, times[0] + i / 7, times[0] + i / 7 + 0.3) for i, key in enumerate(keys)]
        writer.prompts = [Prompt('say "a\tb" ⏎', times[0] - 0.25, times[-1] + 1 / 3)]
        writer.append(Chunk(samples, times, LAYOUT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two users; stamps that repeat, drift and leave seconds out; names that BIDS would not take."""
    folder = tmp_path_factory.mktemp("sessions")
    even = T0 + np.arange(5001) / 2000
    lost = even + np.where(np.arange(5001) > 3000, 7.25, 0.0)
    lost[10:13] = lost[10]
    write(folder / "2021-06-03-1622765527-study@1-0efb.hdf5", "00000042", even, ODD_KEYS)
    write(folder / "2021-06-04-1622863166-study@1-0efb.hdf5", "00000042", lost, ODD_KEYS[::-1])
    write(folder / "third.hdf5", "89335547", even[:1200], [])
    return folder


@pytest.fixture(scope="module")
def root(folder: Path) -> Path:
    pytest.importorskip("mne_bids")
    from emgtype.datasets.bids import write_bids  # noqa: PLC0415 - needs mne-bids

    root = folder.parent / "bids"
    rows: list[int] = []
    recordings = write_bids(open_dataset(folder), root, rows.append)
    assert len(recordings) == 3
    assert sum(rows) == 5001 + 5001 + 1200
    return root


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_folder_is_bids(root: Path) -> None:
    stem = root / "sub-00000042" / "ses-01" / "emg" / "sub-00000042_ses-01_task-typing"
    assert Path(f"{stem}_emg.bdf").is_file()
    facts = json.loads(Path(f"{stem}_emg.json").read_text())
    assert (facts["EMGChannelCount"], facts["SamplingFrequency"], facts["PowerLineFrequency"]) == (32, 2000, 60)
    assert (facts["EMGPlacementScheme"], facts["Manufacturer"]) == ("Other", "n/a")
    assert "TODO" not in Path(f"{stem}_emg.json").read_text()
    channels = table(Path(f"{stem}_channels.tsv"))
    assert [row["name"] for row in channels[:2] + channels[31:]] == ["left00", "left01", "right15", "stamps"]
    assert [channels[i]["group"] for i in (0, 31, 32)] == ["left wrist", "right wrist", "n/a"]
    assert {row["units"] for row in channels[:32]} <= {"uV", "µV", "μV"}
    assert {row["type"] for row in channels[:32]} == {"EMG"}
    assert {row["participant_id"] for row in table(root / "participants.tsv")} == {"sub-00000042", "sub-89335547"}
    events = table(Path(f"{stem}_events.tsv"))
    assert [row["trial_type"] for row in events] == ["prompt"] + ["keystroke"] * len(ODD_KEYS)
    assert float(events[2]["onset"]) == pytest.approx(1 / 7, abs=1e-5)
    lost = table(Path(str(f"{stem}_events.tsv").replace("ses-01", "ses-02")))
    assert max(float(row["onset"]) for row in lost) < 5001 / 2000  # in the recording, not on the wall


def test_mne_reads_it_with_its_events(root: Path) -> None:
    mne_bids = pytest.importorskip("mne_bids")
    (place,) = mne_bids.find_matching_paths(root, subjects="00000042", sessions="01", suffixes="emg", extensions=".bdf")
    raw = mne_bids.read_raw_bids(place, verbose="ERROR")
    assert raw.get_channel_types()[:32] == ["emg"] * 32
    assert len(raw.annotations) == 1 + len(ODD_KEYS)
    assert np.abs(raw.get_data(picks=["left03"])).max() == pytest.approx(6000.5e-6, rel=1e-6)


def rounded(entries: Iterable[SessionEntry]) -> list[SessionEntry]:
    """In order of their names; stamps come back to some µs, and so do durations."""
    ordered = sorted(entries, key=lambda entry: entry.session)
    return [replace(entry, duration_mins=round(entry.duration_mins, 6)) for entry in ordered]


def test_it_comes_back(folder: Path, root: Path, tmp_path: Path) -> None:
    from emgtype.datasets.bids import read_bids  # noqa: PLC0415 - needs mne-bids

    entries = read_bids(root, tmp_path / "back")
    data, back = open_dataset(folder), open_dataset(tmp_path / "back")
    assert rounded(back.entries) == rounded(data.entries) == rounded(entries)
    for entry in data.entries:
        with SessionReader(data.path(entry.session)) as one, SessionReader(back.path(entry.session)) as other:
            assert (one.keystrokes, one.prompts) == (other.keystrokes, other.prompts)
            assert (one.user, one.name, one.condition) == (other.user, other.name, other.condition)
            assert one.origin == other.origin == {"simulator": '{"population": "1f"}'}
            had, got = one.read(0, len(one)), other.read(0, len(other))
        most = np.abs(had.samples).max(axis=0)
        steps = np.vectorize(physical_max)(most.astype(np.float64)) / DIGITAL_MAX
        rounding = np.spacing(np.abs(had.samples))  # float32's own
        assert (np.abs(got.samples - had.samples) <= 0.501 * steps + rounding).all()
        assert np.abs(got.times - had.times).max() <= 1e-6
    with pytest.raises(InputError, match="exists already"):
        read_bids(root, tmp_path / "back")


def test_what_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mne_bids")
    from emgtype.datasets.bids import read_bids, write_bids  # noqa: PLC0415 - needs mne-bids

    with pytest.raises(InputError, match="not empty"):
        write_bids(open_dataset(folder), folder)
    with pytest.raises(InputError, match="no folder"):
        read_bids(tmp_path / "none", tmp_path / "out")
    with pytest.raises(InputError, match="no EMG recording"):
        read_bids(tmp_path, tmp_path / "out")
    for name, user in (("a", "x-1"), ("b", "x1")):
        write(tmp_path / f"{name}.hdf5", user, T0 + np.arange(1200) / 2000, [])
    with pytest.raises(InputError, match="told apart"):
        write_bids(open_dataset(tmp_path), tmp_path / "bids")
    assert not (tmp_path / "bids").exists()


def test_the_command_lines(emgtype: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mne_bids")
    there = emgtype("data", "bids", folder, "--out", tmp_path / "bids")
    assert (there.returncode, "3 recordings of 2 users" in there.stdout) == (0, True), there.stderr
    back = emgtype("data", "from-bids", tmp_path / "bids", "--out", tmp_path / "back")
    assert (back.returncode, "3 sessions of 2 users" in back.stdout) == (0, True), back.stderr
    assert "Warning" not in there.stderr + back.stderr


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_fits_a_cell(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not set(escape(text)) & set('\t\n\r"')
    assert escape(text) != "n/a"


def test_a_broken_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    write_events(path, [Keystroke("a", 1.0, 2.0)], [], lambda time: time)
    assert read_events(path) == ([Keystroke("a", 1.0, 2.0)], [])
    with path.open("a") as file:
        file.write("1\t2\tblink\tn/a\tn/a\tn/a\n1\t2\tkeystroke\ta\n")
    with pytest.raises(InputError, match="row without"):
        read_events(path)
    with pytest.raises(InputError, match="cannot read"):
        read_events(tmp_path / "none.tsv")
