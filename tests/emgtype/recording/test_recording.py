"""Live samples into session files: beside a loop that must not wait, and by `emgtype record`, killed or not."""

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pylsl
import pytest

from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from benchmarks.record_kills import Numbers, kill_some, missed, numbered, numbers_in
from emgtype.commands.record import command
from emgtype.recording.recorder import NO_KEYBOARD, BackgroundRecording, Recording, lsl_epoch
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke

Run = Callable[..., subprocess.CompletedProcess[str]]


def chunk_of(first: int, count: int) -> Chunk:
    chunk = numbered(first, count)
    return Chunk(chunk.samples, 50 + chunk.times, LAYOUT)


def test_the_epoch_is_the_difference_of_the_two_clocks() -> None:
    assert abs(lsl_epoch() + pylsl.local_clock() - time.time()) < 0.1


def test_samples_that_no_session_can_hold_are_left_out_and_counted(tmp_path: Path) -> None:
    strange = chunk_of(1000, 1000)
    strange.samples[3, 1, 2] = np.nan
    strange.times[10:20] -= 5.0
    strange.times[30] = np.nan
    with Recording(SessionJournal(tmp_path / "s.hdf5", "1", NO_KEYBOARD), 1000.0) as recording:
        recording.append(chunk_of(0, 1000))
        recording.append(strange)
        recording.append(chunk_of(4000, 100))
        recording.annotate(Keystroke("a", 50.5, 50.6))
        assert (recording.left_out, recording.gaps, recording.samples) == (12, 1, 2088)
        assert recording.seconds == pytest.approx(4099 / 2000)
    expected = [n for n in [*range(2000), *range(4000, 4100)] if n not in (1003, *range(1010, 1020), 1030)]
    assert numbers_in(tmp_path / "s.hdf5").tolist() == expected
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert session.start == 1050.0
        assert session.keystrokes == (Keystroke("a", 1050.5, 1050.6),)


class Stuck(Recording):
    """A recording on a disk that writes nothing until `let` is set."""

    def __init__(self, journal: SessionJournal) -> None:
        super().__init__(journal, 0.0)
        self.let = threading.Event()

    def append(self, chunk: Chunk) -> None:
        self.let.wait(20)
        super().append(chunk)


def test_a_slow_disk_costs_samples_of_the_recording_but_never_waits(tmp_path: Path) -> None:
    told: list[str] = []
    stuck = Stuck(SessionJournal(tmp_path / "s.hdf5", "1", NO_KEYBOARD))
    with BackgroundRecording(stuck, told.append, waiting=4) as recording:
        for number in range(40):
            recording.append(chunk_of(500 * number, 500))  # would wait for ever here
        assert recording.overflowed in (17_500, 18_000)
        stuck.let.set()
    assert len(numbers_in(tmp_path / "s.hdf5")) == 20_000 - recording.overflowed
    assert [sentence.partition(": ")[2] for sentence in told] == [
        "the disk is too slow, samples are left out of the recording",
        f"{recording.recording.seconds:.1f} s recorded",
    ]


def test_a_full_disk_ends_the_recording_and_further_samples_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    journal = SessionJournal(tmp_path / "s.hdf5", "1", NO_KEYBOARD)
    real = shutil.disk_usage(tmp_path)
    with BackgroundRecording(Recording(journal, 0.0), told.append) as recording:
        for number in range(3):
            recording.append(chunk_of(1000 * number, 1000))
        while recording.recording.samples < 3000:
            time.sleep(0.01)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=2**20))
        for number in range(3, 10):
            recording.append(chunk_of(1000 * number, 1000))
    assert told == [recording.ended]
    assert recording.ended is not None
    assert "only 1 MiB are left" in recording.ended
    numbers = numbers_in(tmp_path / "s.hdf5").tolist()
    assert numbers == list(range(len(numbers)))
    assert 3000 <= len(numbers) <= 5000  # the disk is looked at once a second
    assert recording.status()["ended"] == recording.ended


def test_record_writes_prompts_that_pass_by_and_a_report(emgtype_process: Run, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("ab\ncd\n")
    with Numbers() as stream:
        began = time.time()
        done = emgtype_process(
            *("record", "--stream", stream.name, "--user", "00000042", "--out", tmp_path / "s.hdf5"),
            *("--prompts", tmp_path / "lines.txt", "--wpm", "200", "--json"),
        )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["prompts"], report["keystrokes"], report["lost"], report["gaps"]) == (2, 0, 0, 0)
    numbers = numbers_in(tmp_path / "s.hdf5")
    assert np.array_equal(numbers, numbers[0] + np.arange(report["samples"]))
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert (session.user, session.condition) == ("00000042", NO_KEYBOARD)
        assert [prompt.text for prompt in session.prompts] == ["ab", "cd"]
        assert all(began < prompt.start < prompt.end < session.end < time.time() for prompt in session.prompts)
        assert [prompt.end - prompt.start for prompt in session.prompts] == pytest.approx([1.18, 1.18], abs=0.3)


@pytest.mark.slow
def test_record_killed_at_random_moments_misses_at_most_a_second(
    environment: dict[str, str], emgtype_process: Run, tmp_path: Path
) -> None:
    """Three kills; `python -m benchmarks.record_kills` makes 50."""
    with Numbers() as stream:
        killed = kill_some(environment, tmp_path, stream.name, 3, random.Random(5))
        # The next recording tells of what it finds there, and makes it whole.
        done = emgtype_process("record", "--stream", stream.name, "--user", "2", "--out", tmp_path, "--minutes", "0.01")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("had been cut off: it is whole again") == 3
    assert max(missed(path, at) for path, at in killed.items()) < 1.0


def test_ctrl_c_ends_a_recording_well(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "s.hdf5"
    with Numbers() as stream:
        flags = ("record", "--stream", stream.name, "--user", "1", "--out", str(path))
        process = subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", *flags],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            part = path.with_name("s.hdf5.part")
            end = time.monotonic() + 60
            while not (part.exists() and part.stat().st_size > 2**20 + 136 * 1000):
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, said
    assert "GiB left" in said
    numbers = numbers_in(path)
    assert np.array_equal(numbers, numbers[0] + np.arange(len(numbers)))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--user", "a b"], "expected a name without spaces"),
        (["--user", "1", "--wpm", "30"], "--wpm paces prompts"),
        (["--user", "1", "--yes"], "--yes agrees to --keys"),
        (["--user", "1", "--out", "nowhere"], "expected a folder that exists"),
        (["--user", "1", "--prompts", "none.txt"], "cannot be read"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(flags: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        command.main(["--stream", "none", *flags], standalone_mode=False)


def test_keys_are_recorded_only_where_that_is_agreed_to(emgtype_process: Run) -> None:
    done = emgtype_process("record", "--stream", "none", "--user", "1", "--keys")  # nobody answers
    assert done.returncode == 130
    assert "passwords included" in done.stderr


def test_repair_reports_what_it_did_or_why_it_could_not(emgtype: Run, tmp_path: Path) -> None:
    done = emgtype("data", "repair", tmp_path / "none.hdf5")
    assert (done.returncode, "no recording" in done.stderr) == (2, True)
    with SessionJournal(tmp_path / "s.hdf5", "1", NO_KEYBOARD) as journal:
        journal.append(chunk_of(0, 5000))
        (tmp_path / "other").mkdir()
        for left in tmp_path.glob("s.hdf5.*"):
            shutil.copy(left, tmp_path / "other")
    done = emgtype("data", "repair", tmp_path / "other" / "s.hdf5")
    assert done.stdout.strip().endswith("s.hdf5: 2.5 s")
    assert numbers_in(tmp_path / "other" / "s.hdf5").tolist() == list(range(5000))
    with pytest.raises(InputError, match="exists already"):
        SessionJournal(tmp_path / "s.hdf5", "1", NO_KEYBOARD)
