"""Recordings that are killed, cut off, or run out of disk: what is in the file then."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sessions._hdf5_image import HEAD
from adapters.sessions.format import LAYOUT, RECORD
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from adapters.sessions.repair import cut_off, repair
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

KEYS = (Keystroke("h", 10.1, 10.2), Keystroke("Key.space", 10.3, 10.4), Keystroke("é", 10.5, 10.5))
PROMPTS = (Prompt("hi “you”", 10.0, 10.2),)


def chunk_of(first: int, count: int) -> Chunk:
    numbers = np.arange(first, first + count)
    return Chunk(np.full((count, 2, 16), numbers[:, None, None], np.float32), 10 + numbers / 2000, LAYOUT)


def left_behind(path: Path, rows: int) -> Path:
    """The files that a killed recording leaves."""
    (path.parent / "whole").mkdir()
    with SessionJournal(path.parent / "whole" / path.name, "00000007", "on_keyboard") as journal:
        journal.append(chunk_of(0, rows))
        for entry in (*KEYS, *PROMPTS):
            journal.note(entry)
        for appended in journal.path.parent.iterdir():
            shutil.copy(appended, path.parent)
    return path


def check(path: Path, rows: int) -> None:
    with SessionReader(path) as session:
        read = session.read(0, len(session))
        assert np.array_equal(read.samples[:, 1, 15], np.arange(rows))
        assert np.array_equal(read.times, 10 + np.arange(rows) / 2000)
        assert (session.name, session.user, session.condition) == (path.stem, "00000007", "on_keyboard")
        assert (session.keystrokes, session.prompts) == (KEYS, PROMPTS)


@pytest.mark.parametrize("cut", [[2500], [1] * 40 + [960, 1500], [7, 993, 1500]])
def test_any_cut_of_appends_writes_the_same_file(tmp_path: Path, cut: list[int]) -> None:
    path = tmp_path / "s.hdf5"
    with SessionJournal(path, "00000007", "on_keyboard") as journal:
        first = 0
        for count in cut:
            journal.append(chunk_of(first, count))
            first += count
        for entry in (*KEYS, *PROMPTS):
            journal.note(entry)
        journal.sync()
    check(path, 2500)
    assert [file.name for file in tmp_path.iterdir()] == ["s.hdf5"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_is_laid_out_as_the_reference_reads_it(tmp_path: Path) -> None:
    left_behind(tmp_path / "s.hdf5", 3000)
    assert repair(tmp_path / "s.hdf5") == 3000
    with h5py.File(tmp_path / "s.hdf5") as file:
        series, attributes = file["emg2qwerty/timeseries"], file["emg2qwerty"].attrs
        assert series.dtype == RECORD
        assert series.compression is None
        assert json.loads(attributes["keystrokes"])[0] == {"ascii": 104, "key": "h", "start": 10.1, "end": 10.2}
        assert attributes["duration_mins"] == pytest.approx(1.4995 / 60)


@settings(max_examples=20)
@given(rows=st.integers(1, 4000), keys=st.sampled_from([0, 3, 9000]), text=st.text(max_size=2000))
def test_rows_and_truth_of_any_size_make_a_file(
    tmp_path_factory: pytest.TempPathFactory, rows: int, keys: int, text: str
) -> None:
    path = tmp_path_factory.mktemp("s") / "s.hdf5"
    pressed = tuple(Keystroke("a", 10 + i / 1e4, 11 + i / 1e4) for i in range(keys))
    with SessionJournal(path, "1", "on_table") as journal:
        journal.append(chunk_of(0, rows))
        entries: list[Keystroke | Prompt] = [*pressed, Prompt(text, 10, 11)]
        for entry in entries:
            journal.note(entry)
    with SessionReader(path) as session:
        assert np.array_equal(session.read(0, rows).samples[:, 0, 0], np.arange(rows))
        assert (session.keystrokes, session.prompts) == (pressed, (Prompt(text, 10, 11),))


def test_the_last_note_about_an_entry_counts(tmp_path: Path) -> None:
    with SessionJournal(tmp_path / "s.hdf5", "1", "on_keyboard") as journal:
        journal.append(chunk_of(0, 3000))
        for entry in (Keystroke("b", 10.5, 10.5), Keystroke("a", 10.1, 10.1), Keystroke("b", 10.5, 10.7)):
            journal.note(entry)
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert session.keystrokes == (Keystroke("a", 10.1, 10.1), Keystroke("b", 10.5, 10.7))


@pytest.mark.parametrize("torn", [1, 135])
def test_torn_rows_and_lines_are_left_out(tmp_path: Path, torn: int) -> None:
    path = left_behind(tmp_path / "s.hdf5", 2000)
    for name, rubbish in (("s.hdf5.part", b"x" * torn), ("s.hdf5.truth", b'{"key": "x", "sta')):
        with (tmp_path / name).open("ab") as file:
            file.write(rubbish)
    assert cut_off(tmp_path) == [path]
    repair(path)
    check(path, 2000)


def test_a_repair_that_is_cut_off_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repair stops before its first write to the disk, before its second, and so on."""
    real, truth = os.pwrite, (left_behind(tmp_path / "s.hdf5", 2000).with_name("s.hdf5.truth")).read_bytes()
    untouched = (tmp_path / "s.hdf5.part").read_bytes()
    for stop in range(20):
        (tmp_path / "s.hdf5").unlink(missing_ok=True)
        (tmp_path / "s.hdf5.part").write_bytes(untouched)
        (tmp_path / "s.hdf5.truth").write_bytes(truth)
        writes = iter(range(stop))

        def stopping(descriptor: int, data: bytes, at: int, writes: object = writes) -> int:
            if next(writes, None) is None:  # type: ignore[call-overload]
                # This write itself is torn.
                real(descriptor, bytes(data)[: len(data) // 2], at)
                raise KeyboardInterrupt
            return real(descriptor, data, at)

        monkeypatch.setattr(os, "pwrite", stopping)
        try:
            repair(tmp_path / "s.hdf5")
        except KeyboardInterrupt:
            monkeypatch.setattr(os, "pwrite", real)
            repair(tmp_path / "s.hdf5")
            check(tmp_path / "s.hdf5", 2000)
        else:
            break
    assert stop >= 4


DRIVER = """
import os, pathlib, random, signal, sys, time
import numpy as np
from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from adapters.sessions.repair import repair
from messages.errors import InputError
from messages.typed import Keystroke
from messages.signal import Chunk

def record(path, pipe):
    # Fast, so that kills also meet the beginning and the end, but not so fast that the end always comes first.
    with SessionJournal(path, "1", "on_keyboard") as journal:
        for piece in range(100):
            numbers = piece * 128 + np.arange(128)
            samples = np.full((128, 2, 16), numbers[:, None, None], np.float32)
            journal.append(Chunk(samples, 10 + numbers / 2000, LAYOUT))
            if piece % 4 == 0:
                journal.note(Keystroke("a", float(10 + piece / 100), float(10 + piece / 100)))
            os.write(pipe, piece.to_bytes(4, "little"))
            time.sleep(chance.uniform(0.0, 0.0004))

folder, kills, chance = pathlib.Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
for kill in range(kills):
    path = folder / f"{kill}.hdf5"
    heard, told = os.pipe()
    if not (pid := os.fork()):
        record(path, told)
        os._exit(0)
    os.close(told)
    known, wanted = b"", chance.randrange(400)
    while len(known) < wanted and (piece := os.read(heard, wanted - len(known))):
        known += piece
    time.sleep(chance.uniform(0.0, 0.0004))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while piece := os.read(heard, 2**16):
        known += piece
    os.close(heard)
    written = 128 * len(known) // 4
    if not path.exists():
        try:
            repair(path)
        except InputError as error:
            assert not written, (kill, written, error)
            print(0)
            continue
    with SessionReader(path) as session:
        rows = session.read(0, len(session))
        assert len(session) >= written, (kill, written, len(session))
        assert np.array_equal(rows.samples[:, 1, 15], np.arange(len(session)))
        assert len(session.keystrokes) >= len(known) // 16, (kill, len(session.keystrokes))
    print(len(session))
"""


def test_a_recording_killed_at_any_of_fifty_moments_has_all_appended_samples(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), "50", "11"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [int(line) for line in done.stdout.split()]
    assert len(found) == 50
    # The kills came at different moments.
    assert len(set(found)) > 10


def test_a_nearly_full_disk_ends_the_recording_with_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage(tmp_path)
    with (  # noqa: PT012
        pytest.raises(InputError, match=r"only 10 MiB are left where .*s\.hdf5 is written"),
        SessionJournal(tmp_path / "s.hdf5", "1", "on_table") as journal,
    ):
        journal.append(chunk_of(0, 3000))
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=10 * 2**20))
        journal.append(chunk_of(3000, 3000))
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert np.array_equal(session.read(0, 3000).samples[:, 0, 0], np.arange(3000))
        assert len(session) == 3000


def test_a_file_that_stops_growing_in_the_middle_of_a_row_is_made_whole(tmp_path: Path) -> None:
    """The limit of a file's size stands for a disk that other programs fill suddenly."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (  # noqa: PT012
        pytest.raises(InputError, match=r"s\.hdf5 cannot be written on \(File too large\): the recording ends here"),
        SessionJournal(tmp_path / "s.hdf5", "00000007", "on_keyboard") as journal,
    ):
        for entry in (*KEYS, *PROMPTS):
            journal.note(entry)
        journal.append(chunk_of(0, 3000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (HEAD + 3010 * RECORD.itemsize + 700, kept[1]))
        try:
            journal.append(chunk_of(3000, 3000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert np.array_equal(session.read(0, 3000).samples[:, 1, 0], np.arange(3000))
        assert session.keystrokes == KEYS


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_a_completely_full_disk_keeps_the_earlier_samples(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        with pytest.raises(InputError, match="No space left on device"):
            fill_up(folder)
        with SessionReader(folder / "s.hdf5") as session:
            assert len(session) > 1000
            assert session.keystrokes == KEYS
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_up(folder: Path) -> None:
    with SessionJournal(folder / "s.hdf5", "1", "on_keyboard") as journal:
        for entry in (*KEYS, *PROMPTS):
            journal.note(entry)
        journal.append(chunk_of(0, 1500))
        (folder / "other").write_bytes(bytes(shutil.disk_usage(folder).free - 5000))
        journal.append(chunk_of(1500, 400))


def test_impossible_recordings_and_repairs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.hdf5"
    with pytest.raises(InputError, match=r"no recording .*s\.hdf5 that was cut off"):
        repair(path)
    with pytest.raises(InputError, match="is not kept: not one sample came"):
        SessionJournal(path, "1", "on_table").close()
    assert not list(tmp_path.iterdir())
    left_behind(path, 3000)
    with pytest.raises(InputError, match="was cut off: run `emgtype data repair"):
        SessionJournal(path, "1", "on_table")
    repair(path.with_name("s.hdf5.part"))
    with pytest.raises(InputError, match="exists already"):
        SessionJournal(path, "1", "on_table")
    with pytest.raises(InputError, match="was not cut off: `emgtype data check`"):
        repair(path)
    with pytest.raises(InputError, match="name a place that can be written"):
        SessionJournal(tmp_path / "nowhere" / "s.hdf5", "1", "on_table")
    (tmp_path / "t.hdf5.part").write_bytes(bytes(HEAD + 136 * 1000))
    with pytest.raises(InputError, match="was not left behind by `emgtype record`"):
        repair(tmp_path / "t.hdf5")
    (tmp_path / "s.hdf5.part").write_bytes(b"")
    with pytest.raises(InputError, match="exists beside"):
        repair(path)


def test_a_recording_under_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.hdf5"
    with SessionJournal(path, "1", "on_table") as journal:
        journal.append(chunk_of(0, 3000))
        assert cut_off(tmp_path) == []
        with pytest.raises(InputError, match="is still being written"):
            repair(path)
