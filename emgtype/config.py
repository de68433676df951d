"""Settings: one frozen dataclass. The shipped config.toml holds the defaults; a user's file and flags lie over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from adapters.inject.settings import InjectSettings
from adapters.wire.format import Encoding
from decoder.ctc.commit import Mode
from decoder.language.hot_words import parse_hot_words
from emgtype.places import PACKAGE, USER_CONFIG, find_profile
from messages.errors import InputError
from messages.model_facts import Precision
from messages.tables import build
from streamer.conditioning.corrections import Corrections


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """[source]: which LSL streams."""

    stream: str
    bands: tuple[str, ...]
    timeout: float
    stall: float
    backlog: float

    @property
    def names(self) -> tuple[str, ...]:
        """The stream with all bands, or one stream per band."""
        return self.bands or (self.stream,)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """[pipeline]."""

    hop: int
    precision: Precision
    """Which encoder of the bundle runs."""
    person: str
    """Whose personal layer of the bundle is applied; empty: nobody's."""


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """[decoder]: the beam and the commit rule."""

    beam: int
    labels: int
    threshold: float
    floor: float
    commit: Mode
    lag: float
    confidence: float
    caution: float
    show: float
    reject: float
    lm_backend: Literal["flat", "kenlm"]
    """Who scores: the flat tables where the bundle has them, or KenLM itself."""
    hot_words: tuple[str, ...]
    """As decoder.language.hot_words.parse_hot_words reads them."""
    hot_weight: float
    """Nats per key of those without a weight of their own."""
    lm_weight: float | None = None
    lm_bonus: float | None = None


@dataclass(frozen=True, slots=True)
class GateConfig:
    """[gate]: where nobody types."""

    idle: bool
    weak: float
    posture: float
    loud: float
    clench: float


@dataclass(frozen=True, slots=True)
class WordsConfig:
    """[words]: what was typed between two pauses, read once more at word level."""

    publish: bool
    """Whether the daemon does that."""
    pause: float
    longest: float
    candidates: int
    beam: int
    weight: float
    bonus: float
    model: str
    unigrams: str


@dataclass(frozen=True, slots=True)
class PublishConfig:
    """[publish]: the ZeroMQ sink."""

    endpoint: str
    control: str
    heartbeat: float
    encoding: Encoding
    curve: bool
    """Whether the sockets let in those alone whose keys they know."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics]: figures for Prometheus."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """[console]."""

    raw: bool


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """[record]: what a running daemon keeps of signals and text."""

    flight: float
    """Minutes that the flight recorder holds."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; config.toml explains each."""

    bundle: str
    session: str
    person: str
    source: SourceConfig
    pipeline: PipelineConfig
    decoder: DecoderConfig
    conditioner: Corrections
    gate: GateConfig
    words: WordsConfig
    publish: PublishConfig
    metrics: MetricsConfig
    console: ConsoleConfig
    record: RecordConfig
    keys: InjectSettings


def load_config(path: Path | None = None, flags: Mapping[str, Any] | None = None, profile: str | None = None) -> Config:
    """The settings in force.

    Args:
        path: A user's file; None: ./config.toml, else the user's directory's, else the shipped defaults alone.
        flags: Values that win over files, by dotted name ("decoder.beam"); None values are ignored.
        profile: Name of one, which lies over the user's file.

    Raises:
        InputError: No such file, invalid TOML, an unknown key, a value of another type or out of range.
    """
    if path is not None and not path.is_file():
        raise InputError(f"no settings file {path}: name an existing one or leave --config out")
    if path is None:
        path = next((p for p in (Path("config.toml"), USER_CONFIG / "config.toml") if p.is_file()), None)
    table = _read(PACKAGE.find("config.toml"))
    where = "the settings"
    if path is not None:
        _overlay(table, _read(path))
        where = str(path)
    if profile is not None:
        found = find_profile(profile)
        _overlay(table, _read(found))
        where = f"{where} and {found}" if path else str(found)
    for name, value in (flags or {}).items():
        if value is not None:
            *sections, key = name.split(".")
            target = table
            for section in sections:
                target = target[section]
            target[key] = value
    config = build(Config, table, where)
    _check(config, where)
    return config


def with_profile(config: Config, name: str) -> Config:
    """Settings with a profile laid over them.

    Raises:
        InputError: As `load_config`, of the profile.
    """
    table, path = as_table(config), find_profile(name)
    _overlay(table, _read(path))
    changed = build(Config, table, str(path))
    _check(changed, str(path))
    return changed


def as_table(settings: Any) -> dict[str, Any]:
    """As TOML has them: what is left out is not there."""
    return {
        name: as_table(value) if is_dataclass(value) else list(value) if isinstance(value, tuple) else value
        for name, value in ((field.name, getattr(settings, field.name)) for field in fields(settings))
        if value is not None
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also of a number or a nesting that Python gives up on
        raise InputError(f"{path} is not valid TOML: {error}; mend that line") from None


def _overlay(table: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _overlay(table[key], value)
        else:
            table[key] = value


def _check(config: Config, where: str) -> None:
    d = config.decoder
    ranges: tuple[tuple[str, float, float, float], ...] = (
        ("source.timeout", config.source.timeout, 0.1, 600),
        ("source.stall", config.source.stall, 0.1, 600),
        ("source.backlog", config.source.backlog, 0.1, 10),
        ("pipeline.hop", config.pipeline.hop, 1, 125),
        ("decoder.beam", d.beam, 1, 1000),
        ("decoder.labels", d.labels, 2, 99),
        ("decoder.threshold", d.threshold, 0, 1e6),
        ("decoder.floor", d.floor, -1e6, 0),
        ("decoder.lag", d.lag, 0, 60),
        ("decoder.confidence", d.confidence, 0.5, 1),
        ("decoder.caution", d.caution, 1, 1e6),
        ("decoder.show", d.show, 0, 1),
        ("decoder.reject", d.reject, 0, 1),
        ("decoder.hot_weight", d.hot_weight, 0.01, 100),
        ("decoder.lm_weight", d.lm_weight or 0, 0, 100),
        ("words.pause", config.words.pause, 0.1, 60),
        ("words.longest", config.words.longest, 1, 600),
        ("words.candidates", config.words.candidates, 1, 100),
        ("words.beam", config.words.beam, 1, 1000),
        ("words.weight", config.words.weight, 0, 100),
        ("words.bonus", config.words.bonus, -100, 100),
        ("gate.weak", config.gate.weak, 0, 30),
        ("gate.posture", config.gate.posture, 0, 30),
        ("gate.loud", config.gate.loud, -30, 60),
        ("gate.clench", config.gate.clench, 0, 60),
        ("record.flight", config.record.flight, 0, 60),
        ("publish.heartbeat", config.publish.heartbeat, 0.05, 600),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise InputError(f"{name} = {value} in {where}: expected {low} to {high:g}")
    if len(config.source.bands) not in (0, 2):
        raise InputError(
            f"source.bands in {where} names {len(config.source.bands)} streams: expected two, left first, or none"
        )
    parse_hot_words(d.hot_words, d.hot_weight)
