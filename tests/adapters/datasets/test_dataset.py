from pathlib import Path

import numpy as np
import pytest

from adapters.datasets.dataset import METADATA, Dataset, SessionEntry, open_dataset, user_id, write_metadata
from adapters.sessions.format import LAYOUT
from adapters.sessions.writer import SessionWriter
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

HEADER = "user,session,condition,duration_mins,num_keystrokes,num_prompts,quality_check_tags"
ENTRIES = (
    SessionEntry("00000042", "s2", "on_keyboard", 12.25, 3000, 90, ("high-backspaces", "contact artifact")),
    SessionEntry("00000042", "s1", "on_keyboard", 8.5, 2000, 60),
    SessionEntry("12345678", "s3"),
)


def write_file(path: Path, user: str) -> None:
    with SessionWriter(path, user=user) as writer:
        writer.keystrokes = (Keystroke("a", 10.0, 10.1), Keystroke("b", 10.2, 10.3))
        writer.prompts = (Prompt("ab", 10.0, 10.4),)
        writer.append(Chunk(np.ones((1200, 2, 16), np.float32), 10 + np.arange(1200) / 2000, LAYOUT))


def test_metadata_round_trip_keeps_zeros_and_tags(tmp_path: Path) -> None:
    write_metadata(tmp_path, ENTRIES)
    data = open_dataset(tmp_path)
    assert data.entries == ENTRIES
    assert data.users == ("00000042", "12345678")
    assert data.sessions_of("00000042") == ("s1", "s2")
    assert data.sessions_of("nobody") == ()
    lines = (tmp_path / METADATA).read_text().splitlines()
    assert lines[0] == HEADER
    assert lines[1] == "00000042,s2,on_keyboard,12.25,3000,90,\"['high-backspaces', 'contact artifact']\""


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / METADATA).write_text(f"\ufeff{HEADER},extra\r\n42,s1,on_keyboard,1.5,7.0,,[],x\r\n", "utf-8")
    assert open_dataset(tmp_path).entries == (SessionEntry("00000042", "s1", "on_keyboard", 1.5, 7, 0),)


def test_files_without_a_table_give_the_same_entries(tmp_path: Path) -> None:
    write_file(tmp_path / "b.hdf5", "00000007")
    write_file(tmp_path / "a.hdf5", "00000008")
    data = open_dataset(tmp_path)
    assert [(e.user, e.session, e.num_keystrokes, e.num_prompts) for e in data.entries] == [
        ("00000008", "a", 2, 1),
        ("00000007", "b", 2, 1),
    ]
    assert data.entries[0].duration_mins == pytest.approx(1199 / 2000 / 60)
    assert data.path("a") == tmp_path / "a.hdf5"


def test_missing_files_are_named_only_when_asked_for(tmp_path: Path) -> None:
    write_metadata(tmp_path, ENTRIES)
    write_file(tmp_path / "s1.hdf5", "00000042")
    data = open_dataset(tmp_path)
    assert data.path("s1").is_file()
    with pytest.raises(InputError, match="s2"):
        data.path("s2")
    with pytest.raises(InputError, match="other"):
        data.path("other")


def test_duplicates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'s1' 2 times"):
        Dataset(tmp_path, [ENTRIES[1], SessionEntry("1", "s1")])
    with pytest.raises(InputError, match="'s1' 2 times"):
        write_metadata(tmp_path, [ENTRIES[1], ENTRIES[1]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("user,session\n1,a\n", "condition"),
        ("", "nothing"),
        (f"{HEADER}\n1,s,on_keyboard,long,1,1,[]\n", "line 2"),
        (f"{HEADER}\n1,s,on_keyboard,nan,1,1,[]\n", "minutes"),
        (f"{HEADER}\n1,s,on_keyboard,1,inf,1,[]\n", "line 2"),
        (f"{HEADER}\n1,s,on_keyboard,1,1,1,\"['a'\"\n", "line 2"),
        (f"{HEADER}\n1,s,on_keyboard,1,1,1,7\n", "tags"),
        (f"{HEADER}\n1,s\n", "condition"),
        (f"{HEADER}\n1,../s,on_keyboard,1,1,1,[]\n", "folders"),
        (f"{HEADER}\n", "no session"),
    ],
)
def test_broken_tables_are_refused_by_what_and_where(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / METADATA).write_text(text)
    with pytest.raises(InputError, match=named):
        open_dataset(tmp_path)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / METADATA).write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="no table"):
        open_dataset(tmp_path)


def test_no_folder_or_an_empty_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        open_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="no session"):
        open_dataset(tmp_path)


def test_users_of_digits_have_eight() -> None:
    assert [user_id(user) for user in ("42", "00000042", "123456789", "anna")] == [
        "00000042",
        "00000042",
        "123456789",
        "anna",
    ]
