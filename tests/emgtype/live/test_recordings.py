"""What a running daemon keeps: a session file of what comes in, and a flight that is decoded again byte for byte."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pylsl
import pytest

from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.flight_file import read_flight
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from adapters.wire.control import ask
from adapters.wire.endpoint import control_endpoint
from adapters.wire.format import TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.commands.replay import command
from emgtype.config import load_config
from emgtype.live.load import load_lines
from emgtype.live.recordings import Recordings
from emgtype.live.wearer import Wearer
from emgtype.recording.reproduce import reproduce
from emgtype.replay.replay import pieces
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from tests.emgtype.live.fakes import FakeListener, FakeSource

Run = Callable[..., subprocess.CompletedProcess[str]]
FASTER = 6.0  # than typed
SECONDS = 12.0


class Served:
    """A daemon as a process, what it published, and the stream that it listens to."""

    def __init__(self, process: subprocess.Popen[str], subscriber: Subscriber, outlet: LSLOutlet) -> None:
        self.process = process
        self.events: list[TextEvent] = []
        self._subscriber = subscriber
        self._outlet = outlet
        self._beats = 0
        self._offset = 0.0

    def listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (message := self._subscriber.receive(0.01)) is not None:
                if isinstance(message, TextMessage):
                    self.events.append(message.event)
                else:
                    self._beats += 1

    def until_alive(self) -> None:
        end = time.monotonic() + 60
        while not self._beats:
            assert self.process.poll() is None
            assert time.monotonic() < end
            self.listen(0.1)

    def play(self, chunks: list[Chunk]) -> None:
        if not self._offset:
            self._offset = pylsl.local_clock() - float(chunks[0].times[0])
        began = time.monotonic()
        for chunk in chunks:
            self._outlet.push(chunk, self._offset)
            due = began + (float(chunk.times[-1]) - float(chunks[0].times[0])) / FASTER
            self.listen(max(0.0, due - time.monotonic()))
        self.listen(1.0)


@contextmanager
def serving(environment: dict[str, str], folder: Path, *flags: str) -> Iterator[Served]:
    name, endpoint = f"kept-{uuid.uuid4()}", f"ipc://{folder}/text"
    call = [sys.executable, "-m", "emgtype.cli", "serve", "--stream", name, "--endpoint", endpoint]
    with ExitStack() as stack:
        outlet = stack.enter_context(LSLOutlet(name, LAYOUT, name, sample_numbers=True))
        subscriber = stack.enter_context(Subscriber(endpoint, "me"))
        process = subprocess.Popen(
            [*call, *flags], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            yield Served(process, subscriber, outlet)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def chunks(session_file: Path) -> list[Chunk]:
    with SessionReader(session_file) as recorded:
        return list(pieces(recorded.chunks(end=recorded.start + SECONDS), 32))


def as_published(events: list[TextEvent]) -> list[TextEvent]:
    """With confidences to the four digits that are published."""
    return [
        replace(event, insert=tuple(replace(key, confidence=round(key.confidence, 4)) for key in event.insert))
        for event in events
    ]


@pytest.mark.slow
def test_samples_are_recorded_and_the_flight_decodes_to_the_published_text(
    environment: dict[str, str], emgtype: Run, tmp_path: Path, chunks: list[Chunk]
) -> None:
    (tmp_path / "config.toml").write_text("[record]\nflight_minutes = 1.0\n")
    flags = ("--config", str(tmp_path / "config.toml"), "--record", str(tmp_path / "kept"))
    with serving(environment, tmp_path, *flags) as served:
        served.until_alive()
        half = len(chunks) // 2
        served.play(chunks[:half])
        control = control_endpoint(f"ipc://{tmp_path}/text")
        assert ask(control, "reset", None)["ok"]
        served.play(chunks[half:])
        answer = ask(control, "flight", None)
        status = ask(control, "status", None)["people"]["me"]["recording"]
        served.process.send_signal(signal.SIGUSR1)
        served.listen(1.0)
        served.process.send_signal(signal.SIGINT)
        _, said = served.process.communicate(timeout=30)
        served.listen(0.5)
    assert served.process.returncode == 130, said
    (recorded,) = (tmp_path / "kept").iterdir()
    with SessionReader(recorded) as session:
        got = session.read(0, len(session))
        sent = np.concatenate([chunk.samples for chunk in chunks])
        assert np.array_equal(got.samples[: len(sent)], sent)
        assert (session.user, session.condition) == ("me", "on_table")
    assert recorded.stat().st_mode & 0o777 == 0o600
    assert (status["samples"], status["left_out"], status["ended"]) == (len(sent), 0, None)
    assert f"{recorded}: " in said
    flights = sorted(Path(answer["people"]["me"]["flight"]).parent.glob("me-*.flight"))
    assert len(flights) == 2
    assert len(served.events) > 20
    for flight in map(read_flight, flights):
        found = reproduce(flight)
        assert (found.equal_from, found.whole) == (0, True)
        assert as_published(list(found.events)) == served.events[: len(found.events)]
        assert len(found.events) >= len(served.events) - 2  # what was settled since, when the samples ended
    shown = json.loads(emgtype("flight", flights[-1], "--json").stdout)
    assert (shown["reproduced"], shown["events"]) == (True, len(found.events))
    with pytest.raises(InputError, match=f"emgtype flight {flights[0]}"):
        command.main([str(flights[0]), "--fast"], standalone_mode=False)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_a_full_disk_ends_the_recording_while_decoding_goes_on(
    environment: dict[str, str], tmp_path: Path, chunks: list[Chunk]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    call = ["mount", "-t", "tmpfs", "-o", "size=18m", "tmpfs", str(disk)]
    if subprocess.run(call, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        with serving(environment, tmp_path, "--record", str(disk)) as served:
            served.until_alive()
            served.play(chunks)
            served.process.send_signal(signal.SIGINT)
            _, said = served.process.communicate(timeout=30)
        (recorded,) = disk.iterdir()
        with SessionReader(recorded) as session:
            length = session.end - session.start
            kept = session.read(0, len(session)).samples
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert said.count("the recording ends here; make room") == 1
    assert 1.0 < length < SECONDS - 4
    assert np.array_equal(kept, np.concatenate([chunk.samples for chunk in chunks])[: len(kept)])
    first = served.events[0].time
    assert served.events[-1].time > first + length + 2  # long after it


def test_without_flight_recorders_a_request_for_a_flight_is_refused(tmp_path: Path) -> None:
    with Recordings(None, 0.0, print) as recordings, pytest.raises(InputError, match="no flight recorder runs: set"):
        recordings.write_flights("me")


def until_written(log: list[str], flights: int) -> None:
    """Wait until so many flights are written, in threads; files are named by the millisecond."""
    end = time.monotonic() + 20
    while len(log) < flights:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_flight_recorder_is_attached_to_a_line_and_written_once_its_wearer_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emgtype.live.recordings.FLIGHTS", tmp_path)
    log: list[str] = []
    (line,) = load_lines([load_config()])
    wearer = Wearer("me", FakeSource(), [line], FakeListener())
    with Recordings(None, 1.0, log.append) as recordings:
        assert recordings.open_session(line) is None
        recordings.attach_flight_recorder(line)
        recorder: object = line.recorder
        assert [*map(id, line.sinks)] == [id(recorder)]
        line.finish("end")
        recordings.attend([wearer])
        assert log == []
        wearer.gone = InputError("the stream has ended")
        recordings.attend([wearer])
        recordings.attend([wearer])  # has been written already
        until_written(log, 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        recordings.attend([wearer])
        until_written(log, 2)
        recordings.write_all_flights()
    assert len(list(tmp_path.glob("me-*.flight"))) == 3
    assert read_flight(next(tmp_path.glob("me-*.flight"))).person == "me"


def test_without_recordings_a_line_is_left_as_it_is() -> None:
    (line,) = load_lines([load_config()])
    with Recordings(None, 0.0, print) as recordings:
        recordings.attach_flight_recorder(line)
        recordings.write_all_flights()
    assert (line.sinks, line.recorder) == ([], None)
