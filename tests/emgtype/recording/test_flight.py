"""The flight recorder: what a daemon decoded, decoded again from its file."""

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.sessions.flight_file import read_flight, write_flight
from adapters.sessions.reader import SessionReader
from emgtype.config import Config, load_config
from emgtype.live.daemon import Daemon
from emgtype.live.load import load_lines
from emgtype.live.wearer import Wearer
from emgtype.recording.flight import FlightRecorder, dump
from emgtype.recording.reproduce import reproduce
from messages.errors import InputError
from messages.notice import sentence
from messages.signal import Chunk
from messages.text import TextEvent
from tests.emgtype.live.fakes import FakeListener, FakeSource


class Heard(list[TextEvent]):
    """A sink."""

    def push(self, event: TextEvent) -> None:
        self.append(event)


class Flown(FakeSource):
    """One person's daemon with a flight recorder, on a clock of its own."""

    def __init__(self, session: Path, minutes: float = 5.0, **flags: object) -> None:
        super().__init__()
        self.config = load_config(flags=flags)
        (line,) = load_lines([self.config])
        self.recorder = FlightRecorder(line.config, line.bundle, line.pipeline, minutes, clock=lambda: 1.7e9 + self.now)
        self.now = 0.0
        self.heard = Heard()
        self.told: list[str] = []
        with SessionReader(session) as recorded:
            (self._whole,) = recorded.chunks(len(recorded))
        self._chunks = self._cut()
        self._come = False
        line.sinks += [self.heard, self.recorder]
        line.recorder = self.recorder
        self.wearer = Wearer("me", self, [line], FakeListener())
        self.daemon = Daemon(
            [self.wearer],
            stall=1.0,
            heartbeat_every=1.0,
            notify=lambda notice: self.told.append(sentence(notice)),
            clock=self,
        )

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        raise AssertionError("the only source is waited for")

    def _cut(self) -> Iterator[Chunk]:
        cuts, first = np.random.default_rng(3), 0
        while first < len(self._whole.times):
            part = slice(first, first + int(cuts.integers(1, 200)))
            first = part.stop
            yield Chunk(self._whole.samples[part], self._whole.times[part], self._whole.layout)

    def pull(self, timeout: float) -> Chunk | None:
        chunk = next(self._chunks) if self._come else None
        self.now += timeout if chunk is None else len(chunk.times) / 2000
        return chunk

    def listen(self, seconds: float) -> None:
        self._come = True
        end = self.now + seconds
        while self.now < end:
            self.daemon.step()

    def silence(self, seconds: float) -> None:
        self._come = False
        end = self.now + seconds
        while self.now < end:
            self.daemon.step()

    def exchange(self, config: Config) -> None:
        (successor,) = load_lines([config])
        self.daemon.exchange(self.wearer.line, successor)

    def flight(self, folder: Path) -> Path:
        return dump(self.recorder, folder, self.told.append, wait=True)


def test_a_flight_is_decoded_again_to_the_last_digit(session_file: Path, tmp_path: Path) -> None:
    flown = Flown(session_file)
    flown.listen(6)
    flown.silence(2)
    flown.listen(3)
    flown.daemon.pause(flown.wearer)
    flown.listen(1)
    flown.daemon.resume(flown.wearer)
    flown.listen(4)
    flown.exchange(replace(flown.config, pipeline=replace(flown.config.pipeline, hop_frames=2)))
    flown.listen(4)
    flown.daemon.reset(flown.wearer)
    flown.listen(3)
    flown.wearer.finish("end")
    path = flown.flight(tmp_path / "flights")
    flight = read_flight(path)
    found = reproduce(flight)
    assert [event for _, event in flight.events] == list(found.events) == flown.heard
    assert [event.seq for event in flown.heard] == list(range(len(flown.heard)))
    assert len(flown.heard) > 40
    assert (found.equal_from, found.whole) == (0, True)
    assert [step.why for step in flight.steps if step.why] == ["stall", "pause", "reset", "end"]
    assert [step.do for step in flight.steps if step.do != "samples"] == [
        *("finish", "finish", "exchange", "finish", "reset", "finish")
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_kept_is_bounded_and_begins_in_the_midst_of_typing(session_file: Path, tmp_path: Path) -> None:
    flown = Flown(session_file, minutes=0.2)
    flown.listen(22)
    flight = read_flight(flown.flight(tmp_path))
    kept = sum(len(step.chunk.times) for step in flight.steps if step.chunk)
    assert 0.14 * 60 * 2000 < kept <= 0.2 * 60 * 2000
    assert flight.whole
    assert flight.steps[0].do == "state"
    found = reproduce(flight)
    assert (found.equal_from, found.whole) == (0, True)
    assert list(found.events) == flown.heard[-len(found.events) :]
    assert flight.event_count == len(flown.heard) - len(found.events) > 10


def test_where_nothing_is_remembered_all_is_the_same_from_a_reset_on(session_file: Path) -> None:
    """KenLM's own states cannot be taken along."""
    flown = Flown(session_file, minutes=0.2, **{"decoder.language_model.backend": "kenlm"})
    flown.listen(5)
    flown.daemon.reset(flown.wearer)
    told = len(flown.heard)
    flown.listen(6)
    assert flown.recorder.flight().whole
    flown.listen(3)
    flight = flown.recorder.flight()
    assert (flight.whole, flight.steps[0].do) == (True, "reset")
    assert list(reproduce(flight).events) == flown.heard[told:]
    flown.listen(8)
    flight = flown.recorder.flight()
    assert not flight.whole
    assert 0.19 * 60 * 2000 < sum(len(step.chunk.times) for step in flight.steps if step.chunk) <= 0.2 * 60 * 2000


def test_another_bundle_is_refused_and_so_is_what_is_no_flight(
    session_file: Path, tmp_path: Path, bundle_with: Callable[..., Path]
) -> None:
    flown = Flown(session_file)
    flown.listen(1)
    flight = flown.recorder.flight()
    other = bundle_with("other", emission_delay_ms=1.0)
    with pytest.raises(InputError, match=r"decoded by another encoder\.onnx than lies in .*other"):
        reproduce(flight, str(other))
    with pytest.raises(InputError, match="no flight"):
        read_flight(tmp_path / "none.flight")
    (tmp_path / "text.flight").write_text("hello")
    np.savez(tmp_path / "other.npz", record=np.frombuffer(b"[]", np.uint8))
    write_flight(tmp_path / "whole.flight", flight)
    (tmp_path / "cut.flight").write_bytes((tmp_path / "whole.flight").read_bytes()[:-3000])
    for name in ("text.flight", "other.npz", "cut.flight"):
        with pytest.raises(InputError, match="is not of a flight recorder"):
            read_flight(tmp_path / name)


def test_a_flight_of_an_older_version_is_refused_with_its_number(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", record=np.frombuffer(json.dumps({"version": 1}).encode(), np.uint8))
    with pytest.raises(InputError, match=r"old\.npz is a flight of version 1, expected 2: decode it with the emgtype"):
        read_flight(tmp_path / "old.npz")
