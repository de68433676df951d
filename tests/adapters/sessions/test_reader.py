import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sessions.format import RECORD
from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from messages.charset import labels_to_text
from messages.errors import InputError
from tests.adapters.sessions.conftest import KEYS, PROMPTS, by_hand, chunk_of, write


def test_round_trip_is_bit_equal_and_keeps_the_truth(tmp_path: Path) -> None:
    chunk = chunk_of(5001)
    with SessionReader(write(tmp_path / "s1.hdf5", chunk)) as session:
        read = session.read(0, len(session))
        assert np.array_equal(read.samples, chunk.samples)
        assert np.array_equal(read.times, chunk.times)
        assert (session.name, session.user, session.condition) == ("s1", "00000042", "on_keyboard")
        assert session.keystrokes == KEYS
        assert session.prompts == PROMPTS
        assert session.duration_mins == pytest.approx(2.5 / 60)
        assert labels_to_text(session.labels(session.start, session.end)) == "h⇧I"


@pytest.mark.parametrize("rows", [1, 7, 333, 4000, 10_000])
def test_any_slicing_gives_the_same_samples(tmp_path: Path, rows: int) -> None:
    chunk = chunk_of(2500)
    with SessionReader(write(tmp_path / "s.hdf5", chunk)) as session:
        parts = list(session.chunks(rows))
    assert max(len(p.times) for p in parts) <= rows
    assert np.array_equal(np.concatenate([p.samples for p in parts]), chunk.samples)
    assert np.array_equal(np.concatenate([p.times for p in parts]), chunk.times)


def test_another_order_of_fields_and_irregular_stamps_are_read_by_name(tmp_path: Path) -> None:
    dtype = np.dtype([("time", "<f8"), ("emg_left", "<f4", (16,)), ("extra", "<i4"), ("emg_right", "<f4", (16,))])
    # Four samples share a stamp, and data is lost.
    times = np.repeat(100 + np.arange(250) * 0.002, 4)
    times[600:] += 30
    path = by_hand(tmp_path / "s.hdf5", times, dtype, unknown="kept", user="007")
    with SessionReader(path) as session, h5py.File(path) as file:
        rows = file["emg2qwerty/timeseries"][:]
        chunk = session.read(0, len(session))
        assert np.array_equal(chunk.samples[:, 0], rows["emg_left"])
        assert np.array_equal(chunk.samples[:, 1], rows["emg_right"])
        assert session.attributes["unknown"] == "kept"
        assert session.user == "007"
        assert (session.keystrokes, session.prompts) == ((), ())


@pytest.fixture(scope="module")
def irregular(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    times = 50 + np.cumsum(np.random.default_rng(2).choice([0, 0.0005, 0.001, 0.0002, 0.0008], 12_000))
    return by_hand(tmp_path_factory.mktemp("s") / "s.hdf5", times), times


@given(st.floats(49, 60))
def test_index_is_searchsorted(irregular: tuple[Path, np.ndarray], time: float) -> None:
    path, times = irregular
    with SessionReader(path) as session:
        assert session.index(time) == np.searchsorted(times, time)
        assert session.index(float(times[777])) == np.searchsorted(times, times[777])


def test_time_bounds_are_inclusive(irregular: tuple[Path, np.ndarray]) -> None:
    path, times = irregular
    with SessionReader(path) as session:
        got = np.concatenate([c.times for c in session.chunks(500, float(times[100]), float(times[3000]))])
    assert np.array_equal(got, times[(times >= times[100]) & (times <= times[3000])])


def test_without_a_keyboard_the_prompts_are_the_truth(tmp_path: Path) -> None:
    path = write(tmp_path / "s.hdf5", chunk_of(4000), condition="on_table")
    with SessionReader(path) as session:
        assert labels_to_text(session.labels(session.start, session.end)) == 'hi "you"⏎'


def test_long_key_logs_and_strange_entries_are_read(tmp_path: Path) -> None:
    times = 10 + np.arange(2000) / 2000
    log = [{"ascii": 97, "key": "a", "start": i, "end": i + 0.1, "new": 1} for i in range(9000)]
    prompts = [{"name": "text_prompt", "start": 1, "end": 2, "payload": None}, {"name": "pause", "start": 1, "end": 2}]
    path = by_hand(tmp_path / "s.hdf5", times, keystrokes=json.dumps(log), prompts=json.dumps(prompts))
    assert len(json.dumps(log)) > 400_000
    with SessionReader(path) as session:
        assert len(session.keystrokes) == 9000
        assert session.prompts == ()


TIMES = 10 + np.arange(4000) / 2000


def renamed(old: str, new: str, shape: tuple[int, ...] = (16,)) -> np.dtype:
    fields = {"emg_right": (16,), "time": (), "emg_left": (16,)}
    return np.dtype(
        [(new if k == old else k, "<f8" if k == "time" else "<f4", shape if k == old else v) for k, v in fields.items()]
    )


@pytest.mark.parametrize(
    ("dtype", "sentence"),
    [
        (renamed("time", "clock", ()), "lacks the field time: found emg_right, clock, emg_left"),
        (renamed("emg_left", "emg"), "lacks the field emg_left"),
        (renamed("emg_left", "emg_left", (8,)), "emg_left .* holds 8 numbers a sample: expected 16"),
        (renamed("time", "time", (2,)), "time .* holds 2 numbers a sample: expected one"),
        (np.dtype([*RECORD.descr[:2], ("emg_left", "S4", (16,))]), "emg_left .* expected numbers"),
    ],
)
def test_other_records_are_refused(tmp_path: Path, dtype: np.dtype, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SessionReader(by_hand(tmp_path / "s.hdf5", TIMES, dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_named(tmp_path: Path, value: float) -> None:
    chunk = chunk_of(3000)
    chunk.samples[1234, 1, 5] = value
    with (
        SessionReader(write(tmp_path / "s.hdf5", chunk)) as session,
        pytest.raises(InputError, match=r"sample 1234 .* at electrode 5 of the right band"),
    ):
        list(session.chunks())


@pytest.mark.parametrize("rows", [1, 999, 1000, 2000, 4000])
@pytest.mark.parametrize("stamp", [10.5, np.nan, -np.inf])
def test_stamps_that_run_backwards_are_refused_however_slices_lie(tmp_path: Path, rows: int, stamp: float) -> None:
    times = TIMES.copy()
    times[2000:] -= 0.5
    times[2000] = stamp
    with (
        SessionReader(by_hand(tmp_path / "s.hdf5", times)) as session,
        pytest.raises(InputError, match="run backwards at sample 2000"),
    ):
        list(session.chunks(rows))


@pytest.mark.parametrize(
    ("attribute", "text", "sentence"),
    [
        ("keystrokes", '[{"key": "a"', "'keystrokes' .* is broken JSON"),
        ("prompts", "nonsense", "'prompts' .* is broken JSON"),
        ("keystrokes", '{"a": 1}', "is no list"),
        ("keystrokes", '[{"key": "a", "start": 1}]', "lacks 'end'"),
        ("keystrokes", '[{"key": "a", "start": "soon", "end": 2}]', "start = 'soon'"),
        ("keystrokes", '[{"key": "a", "start": 1, "end": NaN}]', "end = nan"),
        ("keystrokes", f'[{{"key": "a", "start": 1{"0" * 400}, "end": 2}}]', "start = 1000"),
        ("keystrokes", "[" * 100_000, "is broken JSON"),
        ("keystrokes", '[{"key": "a"}, oops]', "line 1 column 16"),
        ("duration_mins", "long", "'duration_mins' .* is 'long'"),
    ],
)
def test_broken_attributes_are_named(tmp_path: Path, attribute: str, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SessionReader(by_hand(tmp_path / "s.hdf5", TIMES, RECORD, **{attribute: text}))


@pytest.mark.parametrize(("count", "batch"), [(20, 1), (300, 1), (300, 20), (4000, 20), (30_000, 1)])
def test_another_rate_is_refused(tmp_path: Path, count: int, batch: int) -> None:
    times = 10 + np.arange(count) // batch * batch / 1000
    with pytest.raises(InputError, match=r"sampled at 1\d\d\d Hz: expected 2000 Hz"):
        SessionReader(by_hand(tmp_path / "s.hdf5", times))


@pytest.mark.parametrize("batch", [1, 7, 40])
@pytest.mark.parametrize("lost", [0.0, 0.03, 0.09, 5.0, 598.0])
def test_lost_data_and_batched_stamps_are_not_another_rate(tmp_path: Path, batch: int, lost: float) -> None:
    times = 10 + np.arange(4000) // batch * batch / 2000
    times[700:] += lost
    with SessionReader(by_hand(tmp_path / "s.hdf5", times)) as session:
        assert np.array_equal(session.read(0, 4000).times, times)


def test_other_files_are_refused_by_what_they_are(tmp_path: Path) -> None:
    whole = write(tmp_path / "s.hdf5", chunk_of(5000))
    (tmp_path / "cut.hdf5").write_bytes(whole.read_bytes()[:300_000])
    (tmp_path / "text.hdf5").write_text("hello")
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file.create_group("something")
    for name, sentence in {
        "none.hdf5": "no session file",
        "cut.hdf5": "is truncated",
        "text.hdf5": "is not an HDF5 file",
        "other.hdf5": "holds something: expected",
    }.items():
        with pytest.raises(InputError, match=sentence):
            SessionReader(tmp_path / name)
    with pytest.raises(InputError, match=r"samples of shape \(0,\)"):
        SessionReader(by_hand(tmp_path / "empty.hdf5", np.empty(0)))


def test_a_group_without_samples_is_refused_by_naming_its_members(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.hdf5", "w") as file:
        file["emg2qwerty/series"] = np.zeros(3)
    with pytest.raises(InputError, match=r"holds emg2qwerty/\(series\): expected the dataset emg2qwerty/timeseries"):
        SessionReader(tmp_path / "s.hdf5")


def test_a_recording_under_way_is_not_called_broken(tmp_path: Path) -> None:
    read = "import sys, pathlib, adapters.sessions.reader as r; r.SessionReader(pathlib.Path(sys.argv[1]))"
    with SessionWriter(tmp_path / "s.hdf5", user="1") as writer:
        writer.append(chunk_of(100))
        done = subprocess.run(
            [sys.executable, "-c", read, str(tmp_path / "s.hdf5")], capture_output=True, text=True, check=False
        )
    assert "still being written" in done.stderr
