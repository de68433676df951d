"""Files of older versions, rewritten with today's names."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgtype.config import load_config
from emgtype.renames import SETTINGS
from emgtype.upgrade import upgrade_file, upgrade_settings, upgrade_unit
from messages.errors import InputError

OLD = """\
# My settings.
bundle = "mine"   # the good one

[decoder]         # how keys are decoded
lag = 1.0
beam = 40         # beam = 50 was slow
# show = 0.5
hot_words = ["lag = 2", "[keys]"]

[ keys ]
"pause" = 0.05
backend = "x11"
[gate]
idle = false  # gate.idle
"""
NEW = """\
# My settings.
bundle = "mine"   # the good one

[decoder]         # how keys are decoded
commit.lag_s = 1.0
beam.width = 40         # beam = 50 was slow
# show = 0.5
language_model.hot_words = ["lag = 2", "[keys]"]

[ inject ]
pause_s = 0.05
backend = "x11"
[gate]
enabled = false  # gate.idle
"""
RENAMES = (
    ("decoder.lag", "decoder.commit.lag_s"),
    ("decoder.beam", "decoder.beam.width"),
    ("decoder.hot_words", "decoder.language_model.hot_words"),
    ("[keys]", "[inject]"),
    ("keys.pause", "inject.pause_s"),
    ("gate.idle", "gate.enabled"),
)


def test_names_change_and_comments_order_and_values_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(OLD)
    path.chmod(0o640)
    assert upgrade_file(path, write=False) == RENAMES
    assert path.read_text() == OLD
    assert upgrade_file(path) == RENAMES
    assert path.read_text() == NEW
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]
    config = load_config(path)
    assert (config.bundle, config.decoder.commit.lag_s, config.decoder.beam.width) == ("mine", 1.0, 40)
    assert config.decoder.language_model.hot_words == ("lag = 2", "[keys]")
    assert (config.inject.pause_s, config.inject.backend, config.gate.enabled) == (0.05, "x11", False)


def test_a_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(NEW)
    before = path.stat()
    assert upgrade_file(path) == ()
    assert path.stat() == before


def test_a_link_stays_a_link_and_windows_lines_stay_so(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    target.write_bytes(OLD.replace("\n", "\r\n").encode())
    link.symlink_to(target)
    assert upgrade_file(link) == RENAMES
    assert link.is_symlink()
    assert target.read_bytes() == NEW.replace("\n", "\r\n").encode()


def values_of(names: list[str]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(names), st.integers(0, 9), min_size=1)


@given(values_of(list(SETTINGS)), st.sampled_from(["sections", "dotted", "inline"]))
def test_every_old_name_in_every_spelling_has_its_value_under_the_new_one(old: dict[str, int], spelling: str) -> None:
    sections: dict[str, dict[str, int]] = {}
    for name, value in old.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    if spelling == "sections":
        text = "\n".join(f"[{s}]\n" + "\n".join(f"{k} = {v}" for k, v in keys.items()) for s, keys in sections.items())
    elif spelling == "dotted":
        text = "\n".join(f"{name} = {value}" for name, value in old.items())
    else:
        pairs = {s: ", ".join(f"{k} = {v}" for k, v in keys.items()) for s, keys in sections.items()}
        text = "\n".join(f"{s} = {{ {inside} }}" for s, inside in pairs.items())
    upgraded = upgrade_settings(text, Path("config.toml"))
    single = {old_name: new for old_name, new in upgraded.renames if not old_name.startswith("[")}
    assert single == {name: SETTINGS[name] for name in old}
    table = tomllib.loads(upgraded.text)
    for name, value in old.items():
        found: Any = table
        for part in SETTINGS[name].split("."):
            found = found[part]
        assert found == value
    assert upgrade_settings(upgraded.text, Path("config.toml")).renames == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gate]\nweak = 1.0\nburst_tolerance_db = 2.0\n", "sets both gate.weak and gate.burst_tolerance_db"),
        ("[decoder]\nlabels = 5\n[decoder.beam]\nwidth = 3\n", "by line: rename decoder.labels to decoder.beam.labels"),
        ("[keys]\npause = 0.1\n[inject]\nbackend = 'x11'\n", r"by line: rename \[keys\] to \[inject\], keys.pause to"),
        ('["k\\u0065ys"]\npause = 0.1\n', r"by line: rename \[keys\] to \[inject\]"),
        ("[gate\n", "is not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_upgraded_stays_as_it_is(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        upgrade_file(path)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_cannot_be_read_or_written_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none.toml"):
        upgrade_file(tmp_path / "none.toml")
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"cannot read .*config.toml"):
        upgrade_file(path)
    path.write_text(OLD)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*config.toml.*it is as it was"):
        upgrade_file(path)
    assert path.read_text() == OLD
    assert list(tmp_path.iterdir()) == [path]


UNIT = """\
[Unit]
Description=emgtype keys

[Service]
# ExecStart=/usr/bin/emgtype keys list
ExecStartPre=/bin/sh -c "/usr/bin/emgtype keys list && emgtype listen --keys=/home/me/a.json"
ExecStart=/usr/bin/python3 -P -m emgtype.cli listen \\
  --keys /home/me/laptop.json --json
ExecStop=/usr/bin/emgtype record --user 1 --keys
Environment=KEYS=--keys
"""


def test_a_systemd_unit_keeps_everything_but_old_commands_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "emgtype.service"
    path.write_text(UNIT)
    assert upgrade_file(path) == (
        ("emgtype keys", "emgtype certificates"),
        ("--keys", "--certificate"),
        ("--keys", "--certificate"),
    )
    expected = UNIT.replace("/bin/emgtype keys list &", "/bin/emgtype certificates list &")
    expected = expected.replace("--keys=/home", "--certificate=/home").replace("--keys /home", "--certificate /home")
    assert path.read_text() == expected
    assert upgrade_unit(expected).renames == ()


def test_the_unit_that_service_install_writes_needs_no_change() -> None:
    unit = "[Service]\nExecStart=/usr/bin/python3 -P -m emgtype.cli serve --quiet --stream keys\n"
    assert upgrade_unit(unit) == upgrade_unit(upgrade_unit(unit).text)
    assert upgrade_unit(unit).renames == ()
