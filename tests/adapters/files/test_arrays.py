"""Arrays from files that anybody may have written."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from adapters.files.arrays import read_arrays


def member(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_arrays_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.arange(3), text=np.array("hi"))
    found = read_arrays(path)
    assert {*found} == {"a", "text"}
    np.testing.assert_array_equal(found["a"], [0, 1, 2])
    assert str(found["text"]) == "hi"


@pytest.mark.parametrize(
    "content",
    [
        b"no array",
        member(np.arange(4))[:-3],
        member(np.arange(4)).replace(b"(4,)", b"(4,("),
        member(np.arange(4)).replace(b"'<i8'", b"'<i'8"),
        member(np.arange(4)).replace(b"(4,), ", b"(9999999999999,), ", 1),
        member(np.array("hi")).replace("h".encode("utf-32-le"), b"\xff\xff\xff\x7f"),
        b"\x93NUMPY\x09\x09",
    ],
)
def test_a_broken_array_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "arrays.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", content)
    with pytest.raises(ValueError, match=r"in it is no|or a broken one"):
        read_arrays(path)


def test_other_files_are_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.arange(3))
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:-9], whole.replace(b"PK\x03\x04", b"PK\x03\x05"), member(np.arange(3))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="or a broken one"):
            read_arrays(path)
