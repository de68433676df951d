"""Another bundle or profile while somebody types."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from adapters.inject.settings import InjectSettings
from adapters.sessions.reader import SessionReader
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config, load_config
from emgtype.live.daemon import Daemon
from emgtype.live.exchange import Exchange
from emgtype.live.load import load_lines
from emgtype.live.notices import Notices
from emgtype.live.outputs import Outputs
from emgtype.live.recent import Recent
from emgtype.live.wearer import Wearer
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.replay.replay import pieces
from messages.emission import Emission
from messages.errors import InputError
from messages.notice import sentence
from messages.signal import Chunk
from messages.text import KeySequence, TextEvent
from tests.emgtype.live.fakes import FakeSource


class Played(FakeSource):
    """A recorded session as a source; every sample is given once."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        super().__init__()
        self.left = list(chunks)

    def pull(self, timeout: float) -> Chunk | None:
        return self.left.pop(0) if self.left else None


class KeptText:
    """A sink that keeps the text, and stands in for the publisher of a wearer."""

    overflows = 0

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
        self.log: list[str] = []
        self.kept: dict[str, KeptText] = {}
        self.outputs: dict[str, Outputs] = {}
        with SessionReader(session) as recorded:
            self.chunks = list(pieces(recorded.chunks(), 32))
        wearers = []
        for line in load_lines(configs):
            kept, layout = KeptText(), line.bundle.facts.layout
            line.sinks.append(kept)
            signal = SignalReport(watch_for(line.config, None, layout), layout, self.log.append)
            self.kept[line.name] = kept
            self.outputs[line.name] = Outputs(
                cast(Any, kept), Recent(kept), signal, Notices(line.name), self.log.append
            )
            wearers.append(Wearer(line.name, Played(self.chunks), [line], self.outputs[line.name]))
        self.daemon = Daemon(
            wearers,
            stall=1e9,
            heartbeat_every=1e9,
            notify=lambda notice: self.log.append(sentence(notice)),
        )
        self.exchange = Exchange(self.daemon, self.outputs, self.log.append)

    @property
    def me(self) -> Wearer:
        return self.daemon.wearers["me"]

    def status(self) -> Mapping[str, Any]:
        return self.outputs["me"].status(self.me)

    def step(self, pieces: int) -> None:
        for _ in range(pieces):
            self.exchange.attend()
            self.daemon.step()

    def until_loaded(self) -> int:
        """Steps as samples come in; how many had come when the exchange was done."""
        while self.exchange.status()["loading"]:
            self.step(1)
            time.sleep(0.005)
        return max(wearer.samples for wearer in self.daemon.wearers.values()) - 32

    def finish(self) -> None:
        while any(cast(Played, wearer.source).left for wearer in self.daemon.wearers.values()):
            self.step(1)
        for wearer in self.daemon.wearers.values():
            wearer.finish("end")


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
    """Return the labels that a bundle's decoder makes of its emissions from `first` to `last` (s) alone."""
    heard, config = emissions(bundle, chunks)
    pipeline, kept = assemble(open_bundle(bundle), config), KeptText()
    committer = pipeline.stages.decoder
    for emission in heard:
        chosen = (emission.times > first) & (emission.times <= last)
        heard_then = Emission(emission.log_probs[chosen], emission.times[chosen])
        for event in committer.push(heard_then) if chosen.any() else []:
            kept.push(event)
    for event in committer.finish():
        kept.push(event)
    return kept.labels


@pytest.mark.parametrize("pieces_before", [437, 600])
def test_a_bundle_in_mid_stream(running: Running, pieces_before: int) -> None:
    running.step(pieces_before)
    running.exchange.reload(["me"], "generic")
    assert running.exchange.status()["loading"]
    with pytest.raises(InputError, match="being loaded"):
        running.exchange.reload(["me"], "demo")
    heard = running.until_loaded()
    assert running.me.line.config.bundle == running.status()["bundle"] == "generic"
    assert running.log[-1] == "me: decoded by generic from here on"
    at = float(running.chunks[0].times[0]) + (heard - 0.5) / 2000
    before = len(running.kept["me"].labels)
    running.finish()
    assert running.me.samples == sum(len(chunk.times) for chunk in running.chunks)

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
    shared = [(each["bundle"].rpartition("/")[2], each["people"]) for each in running.daemon.encoders()]
    assert shared == [("demo", ["ann"]), ("generic", ["bob"])]
    assert running.kept["ann"].labels == alone("demo", running.chunks, -np.inf, np.inf)
    assert running.kept["bob"].labels != running.kept["ann"].labels


def test_a_profile_changes_the_settings_that_it_names(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/careful.toml").write_text('[decoder.commit]\nmode = "hold"\nconfidence = 1.0\n')
    running.step(300)
    running.exchange.profile(["me"], "careful")
    running.until_loaded()
    assert running.status()["profile"] == "careful"
    assert running.me.line.config.decoder.commit.mode == "hold"
    assert running.me.line.config.bundle == load_config().bundle
    running.exchange.reload(["me"], "generic")
    running.until_loaded()
    status, commit = running.status(), running.me.line.config.decoder.commit.mode
    assert (status["bundle"], status["profile"], commit) == (
        "generic",
        "careful",
        "hold",
    )
    running.finish()
    assert not running.kept["me"].keys.tail


def test_a_profile_may_correct_the_signal(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/turned.toml").write_text("[conditioner]\nroll = [8, 8]\n")
    running.step(300)
    before = running.outputs["me"].signal.watch
    running.exchange.profile(["me"], "turned")
    running.until_loaded()
    assert running.me.line.config.conditioner.roll == (8, 8)
    assert running.outputs["me"].signal.watch is not before
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
    line = running.me.line
    with pytest.raises(InputError, match=sentence):
        running.exchange.profile(["me"], "odd")
    with pytest.raises(InputError, match="no profile 'other': found odd in profiles"):
        running.exchange.profile(["me"], "other")
    assert not running.exchange.status()["loading"]
    assert running.me.line is line


def test_a_bundle_that_cannot_be_loaded_is_logged_and_the_old_one_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise InputError("encoder.onnx is cut short")

    monkeypatch.setattr("emgtype.live.exchange.load_lines", broken)
    running.step(100)
    running.exchange.reload(["me"], "generic")
    running.until_loaded()
    assert running.exchange.status() == {"loading": False, "load_error": "encoder.onnx is cut short"}
    assert running.log == ["not loaded: encoder.onnx is cut short"]
    running.finish()
    assert running.kept["me"].labels == alone("demo", running.chunks, -np.inf, np.inf)


class Injector:
    """The settings that an injector was asked about and changed to."""

    def __init__(self, refused: str = "") -> None:
        self.changes: list[float] = []
        self._refused = refused

    def check(self, settings: InjectSettings) -> None:
        if self._refused:
            raise InputError(self._refused)

    def change(self, settings: InjectSettings) -> None:
        self.check(settings)
        self.changes.append(settings.pause_s)

    def status(self) -> dict[str, Any]:
        return {"armed": False}


def test_an_injector_refuses_settings_before_anything_is_loaded_and_takes_those_of_the_successor(
    running: Running, tmp_path: Path
) -> None:
    (tmp_path / "slow.toml").write_text("[inject]\npause_s = 0.5\n")
    profile = str(tmp_path / "slow.toml")
    running.outputs["me"].injector = cast(Any, Injector("another layout"))
    with pytest.raises(InputError, match="another layout"):
        running.exchange.profile(["me"], profile)
    assert not running.exchange.status()["loading"]
    injector = Injector()
    running.outputs["me"].injector = cast(Any, injector)
    running.exchange.profile(["me"], profile)
    running.until_loaded()
    assert injector.changes == [0.5]
    assert running.status()["keys"] == {"armed": False}
