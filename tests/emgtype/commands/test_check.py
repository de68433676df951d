"""`emgtype check` as a user calls it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pylsl import resolve_byprop

from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from emgtype.commands.check import command
from messages.errors import InputError
from messages.signal import Chunk
from simulator import faults
from streamer.conditioning.placement import Placement

Run = Callable[..., subprocess.CompletedProcess[str]]


def spoilt(session: Path, path: Path, spoil: Callable[[Chunk], Chunk]) -> Path:
    with SessionReader(session) as recorded, SessionWriter(path, user=recorded.user) as writer:
        writer.keystrokes, writer.prompts = recorded.keystrokes, recorded.prompts
        for chunk in recorded.chunks():
            writer.append(spoil(chunk))
    return path


def test_a_good_session_is_well(emgtype: Run, session_file: Path) -> None:
    done = emgtype("check", session_file, "--json")
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode, report["faults"]) == (0, [])
    assert report["rate"] == pytest.approx(2000, abs=1)
    assert len(report["levels_uv"]["left"]) == 16


def test_what_is_wrong_is_told_in_words_and_in_the_exit_code(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    path = spoilt(session_file, tmp_path / "dead.hdf5", lambda chunk: faults.dead(chunk, 0, [5]))
    done = emgtype("check", path)
    assert done.returncode == 1
    assert "electrode 5 of the left band gives nothing: press it to the skin, or clean it" in done.stdout
    assert json.loads(emgtype("check", path, "--json").stdout)["faults"] == [
        {
            "fault": "dead",
            "band": "left",
            "electrode": 5,
            "says": "electrode 5 of the left band gives nothing: press it to the skin, or clean it",
        }
    ]


def test_learn_then_fix_puts_right_what_was_put_on_wrongly(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    assert emgtype("check", session_file, "--profile", "me", "--learn").returncode == 0

    def worn(chunk: Chunk) -> Chunk:
        return faults.louder(faults.worn(chunk, [Placement(3, True), Placement(-5)]), 1, 0.4)

    path = spoilt(session_file, tmp_path / "worn.hdf5", worn)
    found = emgtype("check", path, "--profile", "me")
    assert found.returncode == 1
    assert "the left band is on the wrong way round" in found.stdout
    assert "the right band sits 5 electrodes from where it sat" in found.stdout
    fixed = emgtype("check", path, "--profile", "me", "--fix")
    assert fixed.returncode == 0
    assert "me: the left band: mirrored, rolled by 3" in fixed.stderr
    written = (tmp_path / "profiles" / "me.toml").read_text()
    assert "roll = [3, -5]\nmirror = [true, false]\ngain = [1.0, 2.5]" in written
    again = emgtype("check", path, "--profile", "me")
    assert (again.returncode, "nothing is wrong" in again.stdout) == (0, True)
    plain, corrected = (
        json.loads(emgtype("replay", path, "--fast", "--json", *flags).stdout)["cer"]
        for flags in ((), ("--profile", "me"))
    )
    assert corrected < 25
    assert plain > 60


def test_live_bands_are_looked_at(
    emgtype: Run, session_file: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    call = [sys.executable, "-m", "emgtype.cli", "simulate", "--play", str(session_file), "--stream", "checked"]
    with subprocess.Popen(call, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as player:
        try:
            assert resolve_byprop("name", "checked", timeout=60)  # a busy machine starts the player late
            done = emgtype("check", "--stream", "checked", "--seconds", 2, "--json")
        finally:
            player.terminate()
    report = json.loads(done.stdout)
    assert (done.returncode, report["faults"]) == (0, [])
    assert report["seconds"] > 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x.hdf5", "--stream", "a"], "a SESSION and a live stream were named"),
        (["x.hdf5", "--profile", "me", "--learn", "--fix"], "--learn and --fix are both given"),
        (["--stream", "a", "--bands", "l", "r"], "--stream and --bands are both given"),
        (["x.hdf5", "--fix"], "add --profile NAME"),
        (["x.hdf5", "--profile", "me"], "no profile 'me'"),
        (["x.hdf5"], "no session file x"),
        (["x.hdf5", "--profile", "../me", "--learn"], r"no profile '\.\./me'"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("emgtype.config", "emgtype.places", "emgtype.bands.profile_file"):
        monkeypatch.setattr(f"{module}.USER_CONFIG", tmp_path)
    with pytest.raises(InputError, match=sentence):
        command.main(arguments, standalone_mode=False)
