import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from messages.errors import InputError
from messages.signal import Chunk
from tests.adapters.sessions.conftest import chunk_of, write


@pytest.mark.parametrize("existing", [False, True])
def test_only_its_owner_can_read_a_recording(tmp_path: Path, existing: bool) -> None:
    path = tmp_path / "s1.hdf5"
    if existing:
        path.touch(mode=0o644)
    with SessionWriter(path, user="00000042", overwrite=existing) as writer:
        assert path.stat().st_mode & 0o777 == 0o600
        writer.append(chunk_of(10))
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_is_laid_out_as_the_reference_reads_it(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "s.hdf5", chunk_of(10))) as file:
        series, attributes = file["emg2qwerty/timeseries"], file["emg2qwerty"].attrs
        assert series.dtype.itemsize == 136
        assert series.dtype.names == ("emg_right", "time", "emg_left")
        assert series.compression is None
        assert json.loads(attributes["keystrokes"])[0] == {"ascii": 104, "key": "h", "start": 10.1, "end": 10.2}
        assert json.loads(attributes["prompts"])[0]["payload"] == {"text": "hi “you”"}
        assert attributes["session_name"] == "s"


@pytest.mark.parametrize("cut", [[2500], [1] * 40 + [960, 1500], [7, 993, 1500]])
def test_any_cut_of_appends_writes_the_same_file(tmp_path: Path, cut: list[int]) -> None:
    chunk = chunk_of(2500)
    with SessionWriter(tmp_path / "s.hdf5", user="1") as writer:
        for part in np.split(np.arange(2500), np.cumsum(cut)[:-1]):
            writer.append(Chunk(chunk.samples[part], chunk.times[part], LAYOUT))
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert np.array_equal(session.read(0, 2500).samples, chunk.samples)


def test_an_error_while_recording_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.hdf5"

    def record_and_fail() -> None:
        with SessionWriter(path, user="1") as writer:
            writer.append(chunk_of(300))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        record_and_fail()
    with SessionReader(path) as session:
        assert len(session) == 300


def test_a_disk_that_fills_up_ends_the_recording_but_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage(tmp_path)
    with (  # noqa: PT012
        pytest.raises(InputError, match=r"only 10 MiB are left where .*s\.hdf5 is written"),
        SessionWriter(tmp_path / "s.hdf5", user="1") as writer,
    ):
        writer.append(chunk_of(3000))
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=10 * 2**20))
        writer.append(chunk_of(3000, start=11.5))
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert np.array_equal(session.read(0, len(session)).samples, chunk_of(3000).samples)


def test_a_killed_recording_keeps_all_but_its_last_second(tmp_path: Path) -> None:
    script = """
import os, pathlib, signal, sys
import numpy as np
from adapters.sessions.format import LAYOUT
from adapters.sessions.writer import SessionWriter
from messages.signal import Chunk
writer = SessionWriter(pathlib.Path(sys.argv[1]), user="1")
for first in range(0, 9900, 33):
    times = 10 + np.arange(first, first + 33) / 2000
    writer.append(Chunk(np.full((33, 2, 16), first, np.float32), times, LAYOUT))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "s.hdf5")], check=False)
    with SessionReader(tmp_path / "s.hdf5") as session:
        chunk = session.read(0, len(session))
    assert 9900 - 2100 < len(chunk.times) <= 9900
    assert np.array_equal(chunk.samples[:, 1, 15], np.arange(len(chunk.times)) // 33 * 33)


def test_existing_files_are_not_replaced_unless_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "s.hdf5", chunk_of(10))
    with pytest.raises(InputError, match="exists already"):
        SessionWriter(path, user="1")
    SessionWriter(path, user="1", overwrite=True).close()
