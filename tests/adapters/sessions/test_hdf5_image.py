from pathlib import Path

import h5py
import numpy as np
import pytest

from adapters.sessions._hdf5_image import HEAD, LEAST, SPARE_HEAD, SessionImage, session_image, small_file
from adapters.sessions.format import RECORD, keystrokes_from_json
from adapters.sessions.truth import SessionTruth
from messages.typed import Keystroke

TRUTH = SessionTruth((Keystroke("a", 1.0, 1.5),))


def records(count: int) -> np.ndarray:
    rows = np.zeros(count, RECORD)
    rows["time"] = np.arange(count) / 2000
    rows["emg_left"] = np.arange(count)[:, None]
    return rows


@pytest.mark.parametrize("truth", [TRUTH, SessionTruth(TRUTH.keystrokes * 50_000)])
@pytest.mark.parametrize("count", [LEAST, 5000])
def test_head_rows_and_tail_make_a_file(tmp_path: Path, count: int, truth: SessionTruth) -> None:
    image, rows = session_image(count, {"user": "7"}, truth), records(count)
    assert image.size == HEAD + rows.nbytes + len(image.tail)
    path = tmp_path / "s.hdf5"
    path.write_bytes(bytes(image.head) + rows.tobytes() + bytes(image.tail))
    with h5py.File(path) as file:
        assert np.array_equal(file["emg2qwerty/timeseries"][:], rows)
        assert file["emg2qwerty"].attrs["user"] == "7"
        assert keystrokes_from_json(file["emg2qwerty"].attrs["keystrokes"], path) == truth.keystrokes


def test_few_rows_make_a_file_that_fits_into_the_head(tmp_path: Path) -> None:
    rows = records(LEAST - 1)
    content = small_file(rows, {"user": "7"}, TRUTH)
    assert len(content) <= SPARE_HEAD
    (tmp_path / "s.hdf5").write_bytes(content + bytes(HEAD - len(content)) + rows.tobytes())
    with h5py.File(tmp_path / "s.hdf5") as file:
        assert np.array_equal(file["emg2qwerty/timeseries"][:], rows)


def test_bytes_before_and_behind_the_rows_are_kept_and_the_rows_are_never_written() -> None:
    image = SessionImage(10)
    end = HEAD + 10 * RECORD.itemsize
    for position, data in ((0, b"head"), (end + 2, b"tail")):
        image.seek(position)
        assert image.write(data) == 4
        assert image.tell() == position + 4
        image.seek(position)
        buffer = bytearray(4)
        assert (image.readinto(buffer), bytes(buffer)) == (4, data)
    assert (bytes(image.tail), image.size) == (b"\0\0tail", end + 6)
    for position in (HEAD - 2, HEAD, end - 1):
        image.seek(position)
        with pytest.raises(ValueError, match="over the samples"):
            image.write(b"data")
