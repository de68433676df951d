from pathlib import Path

import pytest

from adapters.bundles.checksums import CHECKSUMS, require_unchanged, sha256, update_checksums, write_checksums
from messages.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode())
    write_checksums(tmp_path)
    return tmp_path


def test_a_changed_file_is_refused(folder: Path) -> None:
    require_unchanged(folder / "one")
    (folder / "one").write_bytes(b"onf")
    require_unchanged(folder / "two")
    with pytest.raises(InputError, match=r"one is damaged: its SHA-256 is .*copy the file again"):
        require_unchanged(folder / "one")
    update_checksums(folder, "one")
    require_unchanged(folder / "one")
    assert sha256(folder / "two") in (folder / CHECKSUMS).read_text()


def test_a_file_without_a_sum_is_accepted(folder: Path) -> None:
    (folder / "three").write_bytes(b"")
    require_unchanged(folder / "three")
    (folder / CHECKSUMS).unlink()
    require_unchanged(folder / "one")
    # A missing file is an error of its reader.
    require_unchanged(folder / "none")
    update_checksums(folder, "two")
    assert (folder / CHECKSUMS).read_text() == f"{sha256(folder / 'two')}  two\n"


def test_sums_are_read_as_sha256sum_writes_them_for_binary_files(folder: Path) -> None:
    (folder / CHECKSUMS).write_text(f"\n{'0' * 64} *one\n")
    with pytest.raises(InputError, match="damaged"):
        require_unchanged(folder / "one")


def test_broken_sums_are_an_error(folder: Path) -> None:
    (folder / CHECKSUMS).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="make it anew with sha256sum, or remove it"):
        require_unchanged(folder / "one")
