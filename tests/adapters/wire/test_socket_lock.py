from pathlib import Path

import pytest

from adapters.wire._socket_lock import SocketLock
from messages.errors import InputError


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "text"
    with SocketLock(path):
        with pytest.raises(InputError, match="is in use"):
            SocketLock(path)
        with SocketLock(tmp_path / "other"):
            pass
    with SocketLock(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_was_left_behind_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "text.lock").touch()
    with SocketLock(tmp_path / "text") as lock:
        lock.close()
        lock.close()
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_the_lock_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "text.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        SocketLock(tmp_path / "text")
    assert not (tmp_path / "elsewhere").exists()
