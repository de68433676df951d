import os
import shutil
import stat
from pathlib import Path

import pytest

from adapters.files.private import open_private, require_space
from messages.errors import InputError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("new", [True, False])
def test_a_new_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "secret"
    before = os.umask(0)
    try:
        os.close(open_private(path, new=new))
    finally:
        os.umask(before)
    assert mode(path) == 0o600


def test_an_existing_file_is_emptied_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("before")
    path.chmod(0o644)
    with os.fdopen(open_private(path, new=False), "w") as file:
        file.write("now")
    assert (path.read_text(), mode(path)) == ("now", 0o600)


def test_a_file_that_must_be_new_is_not_touched_if_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("before")
    with pytest.raises(FileExistsError):
        open_private(path, new=True)
    assert path.read_text() == "before"


def test_special_files_keep_their_mode() -> None:
    before = mode(Path(os.devnull))
    os.close(open_private(Path(os.devnull), new=False))
    assert mode(Path(os.devnull)) == before


def test_a_nearly_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=3 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    require_space(tmp_path / "recording", 3 * 2**20)
    with pytest.raises(InputError, match=r"only 3 MiB are left where .*recording is written"):
        require_space(tmp_path / "recording", 3 * 2**20 + 1)
