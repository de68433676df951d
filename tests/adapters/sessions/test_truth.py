import json
from pathlib import Path

import h5py
import pytest

from adapters.sessions.format import keystrokes_from_json, prompts_from_json
from adapters.sessions.truth import SessionTruth, entry_line, read_entry, read_truth
from messages.typed import Keystroke, Prompt

KEY, PROMPT = Keystroke("é", 2.0, 2.5), Prompt("one ”two”", 1.0, 3.0)


@pytest.mark.parametrize("entry", [KEY, PROMPT])
def test_an_entry_survives_its_line(entry: Keystroke | Prompt) -> None:
    line = entry_line(entry)
    assert line.count(b"\n") == 1
    assert read_entry(line) == entry


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"key": "a"}', b'{"start": 1, "end": 2}', b"[" * 100_000])
def test_a_torn_or_foreign_line_is_no_entry(line: bytes) -> None:
    assert read_entry(line) is None


def test_lines_are_sorted_by_time_and_the_last_one_about_an_entry_counts(tmp_path: Path) -> None:
    path = tmp_path / "session.truth"
    assert read_truth(path) == SessionTruth()
    early = Keystroke("a", 1.5, 1.6)
    entries = (Keystroke("é", 2.0, 2.0), PROMPT, KEY, early)
    path.write_bytes(b"".join(entry_line(entry) for entry in entries) + entry_line(KEY)[:-5])
    assert read_truth(path) == SessionTruth((early, KEY), (PROMPT,))


def test_attributes_hold_more_than_a_header_can(tmp_path: Path) -> None:
    keys = tuple(Keystroke("a", float(number), number + 0.5) for number in range(5000))
    with h5py.File(tmp_path / "s.hdf5", "w") as file:
        SessionTruth(keys, (PROMPT,)).write(file.attrs)
        assert len(json.dumps(file.attrs["keystrokes"])) > 2**16
        assert keystrokes_from_json(file.attrs["keystrokes"], tmp_path) == keys
        assert prompts_from_json(file.attrs["prompts"], tmp_path) == (PROMPT,)
