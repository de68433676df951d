"""Commands and flags of older versions: refused with exit code 2 and the new call."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (["keys"], "`emgtype keys` is now called `emgtype certificates`: run `emgtype certificates`"),
        (["keys", "new", "my phone"], "run `emgtype certificates new 'my phone'`"),
        (["keys", "list", "--json"], "run `emgtype certificates list --json`"),
        (["keys", "--help"], "run `emgtype certificates --help`"),
        (
            ["replay", "old.flight"],
            "a flight, which another command decodes now: emgtype flight old.flight",
        ),
        (["replay", "s.hdf5", "--faults", "loss"], "is now a command of its own: emgtype faults SESSION FAULTS"),
        (["replay", "s.hdf5", "--decoder", "pyctcdecode"], "is now a command of its own: emgtype compare SESSION"),
        (
            ["replay", "--commit-sweep", "a.hdf5", "b.hdf5"],
            "now a command of its own: emgtype commit-sweep SESSION...",
        ),
        (["replay", "s.hdf5", "--plot", "s.png"], "emgtype commit-sweep SESSION... --plot FILE"),
        (["listen", "--keys", "laptop.json"], "--keys is now called --certificate: use that name"),
        (["control", "status", "--keys", "laptop.json"], "--keys is now called --certificate: use that name"),
        (["pause", "--keys", "laptop.json"], "--keys is now called --certificate: use that name"),
        (["health", "--keys", "laptop.json"], "--keys is now called --certificate: use that name"),
    ],
)
def test_an_old_call_is_refused_with_the_new_one(emgtype: Run, call: list[str], sentence: str) -> None:
    done = emgtype(*call)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("emgtype: ")
    assert done.stderr.endswith(f"{sentence}\n")


def test_several_sessions_are_refused(emgtype: Run, session_file: Path) -> None:
    done = emgtype("replay", session_file, session_file)
    assert done.returncode == 2
    assert "unexpected extra argument" in done.stderr


def test_old_names_stand_in_no_help(emgtype: Run) -> None:
    assert "\n  keys " not in emgtype("--help").stdout
    replay = emgtype("replay", "--help").stdout
    assert not any(flag in replay for flag in ("--faults", "--decoder", "--commit-sweep", "--plot"))
    assert "--keys" not in emgtype("listen", "--help").stdout
