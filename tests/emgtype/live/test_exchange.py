"""Another bundle or profile while somebody types."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config, load_config
from emgtype.live.daemon import Daemon, Wearer
from emgtype.live.exchange import Exchange
from emgtype.live.member import Member, Roster
from emgtype.live.people import gather
from emgtype.live.recent import Recent
from emgtype.models.bundle import assemble, open_bundle
from emgtype.replay.replay import pieces
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import KeySequence, TextEvent


class Played:
    """A recorded session as a source; every sample is given once."""

    lost = 0

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.left = list(chunks)

    def pull(self, timeout: float) -> Chunk | None:
        return self.left.pop(0) if self.left else None

    def figures(self) -> dict[str, Any]:
        return {"lost": self.lost}

    def problems(self) -> list[str]:
        return []


class Kept:
    """A sink."""

    def __init__(self) -> None:
        self.keys = KeySequence()
        self.next_seq = 0

    def push(self, event: TextEvent) -> None:
        assert event.seq == self.next_seq
        self.next_seq += 1
        self.keys.push(event)

    @property
    def position(self) -> dict[str, Any]:
        return {}

    @property
    def labels(self) -> list[int]:
        return [key.label for key in self.keys.final]


class Running:
    """A daemon without sockets."""

    def __init__(self, session: Path, configs: Sequence[Config]) -> None:
        self.told: list[str] = []
        self.roster = Roster(parties=gather(configs))
        self.kept: dict[str, Kept] = {}
        with SessionReader(session) as recorded:
            self.chunks = list(pieces(recorded.chunks(), 32))
        for person in (person for party in self.roster.parties for person in party.people):
            name, kept, source = person.config.person, Kept(), Played(self.chunks)
            self.kept[name] = kept
            layout = person.bundle.facts.layout
            signal = SignalReport(watch_for(person.config, None, layout), layout, self.told.append)
            wearer = Wearer(source, person.pipeline, [kept], lambda: None, name, watch=signal.push)
            self.roster.members[name] = Member(
                person, cast(Any, source), wearer, Recent(kept), lambda _name, _time: None, signal
            )
        groups = [
            (party.pipelines, [self.roster.members[person.config.person].wearer for person in party.people])
            for party in self.roster.parties
        ]
        self.daemon = Daemon(groups, stall=1e9, heartbeat_every=1e9, tell=self.told.append)
        self.exchange = Exchange(self.daemon, self.roster, self.told.append)

    def step(self, pieces: int) -> None:
        for _ in range(pieces):
            self.exchange.attend()
            self.daemon.step()

    def until_loaded(self) -> int:
        """Steps as samples come in; how many had come when the exchange was done."""
        while self.exchange.status()["loading"]:
            self.step(1)
            time.sleep(0.005)
        return max(member.wearer.samples for member in self.roster.members.values()) - 32

    def finish(self) -> None:
        while any(cast(Played, member.source).left for member in self.roster.members.values()):
            self.step(1)
        for member in self.roster.members.values():
            member.wearer.settle("end")


@pytest.fixture
def running(session_file: Path) -> Iterator[Running]:
    made = Running(session_file, [load_config()])
    with made.exchange:
        yield made


def emissions(bundle: str, chunks: Sequence[Chunk]) -> tuple[list[Emission], Config]:
    config, found = load_config(flags={"bundle": bundle}), list[Emission]()
    pipeline = assemble(open_bundle(bundle), config, tap=found.append)
    for chunk in chunks:
        pipeline.push(chunk)
    pipeline.finish()
    return found, config


def alone(bundle: str, chunks: Sequence[Chunk], first: float, last: float) -> list[int]:
    """What a bundle's decoder makes of its emissions from `first` to `last` (s), as if there was nothing else."""
    heard, config = emissions(bundle, chunks)
    pipeline, kept = assemble(open_bundle(bundle), config), Kept()
    committer = pipeline._decoder
    for emission in heard:
        chosen = (emission.times > first) & (emission.times <= last)
        if chosen.any() and (event := committer.push(Emission(emission.log_probs[chosen], emission.times[chosen]))):
            kept.push(event)
    if event := committer.finish():
        kept.push(event)
    return kept.labels


@pytest.mark.parametrize("pieces_before", [437, 600])
def test_a_bundle_in_mid_stream(running: Running, pieces_before: int) -> None:
    me = running.roster.members["me"]
    running.step(pieces_before)
    running.exchange.reload(["me"], "generic")
    assert running.exchange.status()["loading"]
    with pytest.raises(InputError, match="being loaded"):
        running.exchange.reload(["me"], "demo")
    heard = running.until_loaded()
    assert me.person.config.bundle == me.status()["bundle"] == "generic"
    assert running.told[-1] == "me: decoded by generic from here on"
    at = float(running.chunks[0].times[0]) + (heard - 0.5) / 2000
    before = len(running.kept["me"].labels)
    running.finish()
    assert me.wearer.samples == sum(len(chunk.times) for chunk in running.chunks)

    delays = [open_bundle(name).facts.emission_delay_ms for name in ("demo", "generic")]
    assert None not in delays
    later = 1e-3 * (cast(float, delays[1]) - cast(float, delays[0]))
    expected = [*alone("demo", running.chunks, -np.inf, at), *alone("generic", running.chunks, at + later, np.inf)]
    assert running.kept["me"].labels == expected
    assert 10 < before < len(expected) - 10


def test_one_of_two_gets_another_bundle(session_file: Path) -> None:
    flags: list[dict[str, object]] = [{"person": "ann"}, {"person": "bob"}]
    running = Running(session_file, [load_config(flags=each) for each in flags])
    with running.exchange:
        running.step(300)
        running.exchange.reload(["bob"], "generic")
        running.until_loaded()
        running.finish()
    told = [(each["bundle"].rpartition("/")[2], each["people"]) for each in running.roster.encoders()]
    assert told == [("demo", ["ann"]), ("generic", ["bob"])]
    assert running.kept["ann"].labels == alone("demo", running.chunks, -np.inf, np.inf)
    assert running.kept["bob"].labels != running.kept["ann"].labels


def test_a_profile_changes_what_it_names(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/careful.toml").write_text('[decoder.commit]\nmode = "hold"\nconfidence = 1.0\n')
    running.step(300)
    running.exchange.profile(["me"], "careful")
    running.until_loaded()
    me = running.roster.members["me"]
    assert me.status()["profile"] == "careful"
    assert me.person.config.decoder.commit.mode == "hold"
    assert me.person.config.bundle == load_config().bundle
    running.exchange.reload(["me"], "generic")
    running.until_loaded()
    status = me.status()
    assert (status["bundle"], status["profile"], me.person.config.decoder.commit.mode) == ("generic", "careful", "hold")
    running.finish()
    assert not running.kept["me"].keys.tail


def test_a_profile_may_correct_the_signal(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/turned.toml").write_text("[conditioner]\nroll = [8, 8]\n")
    me = running.roster.members["me"]
    running.step(300)
    before = me.signal.watch
    running.exchange.profile(["me"], "turned")
    running.until_loaded()
    assert me.person.config.conditioner.roll == (8, 8)
    assert me.signal.watch is not before
    running.finish()
    assert running.kept["me"].labels != alone("demo", running.chunks, -np.inf, np.inf)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[source]\nstall_s = 3.0\n", r"changes \[source\], which holds as long as the daemon runs"),
        ("[decoder.commit]\nlagg_s = 0.1\n", "unknown setting 'lagg_s' in .*odd.toml.*did you mean 'lag_s'"),
        ('bundle = "nowhere"\n', "no model bundle 'nowhere'"),
        ("[decoder\n", "is not valid TOML"),
    ],
)
def test_a_profile_that_does_not_fit_changes_nothing(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/odd.toml").write_text(text)
    person = running.roster.members["me"].person
    with pytest.raises(InputError, match=sentence):
        running.exchange.profile(["me"], "odd")
    with pytest.raises(InputError, match="no profile 'other': found odd in profiles"):
        running.exchange.profile(["me"], "other")
    assert not running.exchange.status()["loading"]
    assert running.roster.members["me"].person is person


def test_what_cannot_be_loaded_is_told_and_the_old_one_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise InputError("encoder.onnx is cut short")

    monkeypatch.setattr("emgtype.live.exchange.gather", broken)
    running.step(100)
    running.exchange.reload(["me"], "generic")
    running.until_loaded()
    assert running.exchange.status() == {"loading": False, "load_error": "encoder.onnx is cut short"}
    assert running.told == ["not loaded: encoder.onnx is cut short"]
    running.finish()
    assert running.kept["me"].labels == alone("demo", running.chunks, -np.inf, np.inf)
