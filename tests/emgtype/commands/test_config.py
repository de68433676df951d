"""`emgtype config upgrade`, and what old names bring without it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
OLD = "[gate]\nidle = false  # off\n[keys]\nlayout = 'de'\n"
NEW = "[gate]\nenabled = false  # off\n[inject]\nlayout = 'de'\n"


def test_files_are_listed_with_check_and_written_without(emgtype: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OLD)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/me.toml").write_text("[source]\nstall = 3.0\n")
    (tmp_path / "new.toml").write_text(NEW)
    files = ("config.toml", "profiles/me.toml", "new.toml")
    listing = (
        "config.toml: gate.idle → gate.enabled\n"
        "config.toml: [keys] → [inject]\n"
        "profiles/me.toml: source.stall → source.stall_s\n"
        "new.toml: nothing to rename\n"
    )
    checked = emgtype("config", "upgrade", "--check", *files)
    assert (checked.returncode, checked.stdout) == (1, listing)
    assert (tmp_path / "config.toml").read_text() == OLD
    done = emgtype("config", "upgrade", *files)
    assert (done.returncode, done.stdout) == (0, listing)
    assert (tmp_path / "config.toml").read_text() == (tmp_path / "new.toml").read_text() == NEW
    assert (tmp_path / "profiles/me.toml").read_text() == "[source]\nstall_s = 3.0\n"
    assert emgtype("config", "upgrade", "--check", *files).returncode == 0


def test_a_command_refuses_old_names_and_says_how_to_mend_the_file(emgtype: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OLD)
    refused = emgtype("decode", "none.npz")
    assert "cannot read" in refused.stderr  # before the settings are read
    refused = emgtype("serve", "--stream", "nobody")
    assert refused.returncode == 2
    assert refused.stderr == (
        "emgtype: gate.idle in config.toml is now called gate.enabled, and 1 other name in it changed, too: rename "
        "them, or run `emgtype config upgrade config.toml`\n"
    )
    assert emgtype("config", "upgrade", "config.toml").returncode == 0
    (tmp_path / "quick.toml").write_text(f"{NEW}[source]\ntimeout_s = 0.1\n")
    again = emgtype("serve", "--config", "quick.toml", "--stream", "nobody")
    assert "nobody" in again.stderr
    assert "is now called" not in again.stderr
