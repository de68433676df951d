"""The settings: one frozen dataclass per section of config.toml, each that of the stage which the section sets.

The shipped config.toml holds the defaults. The user's file lies over it, a profile over that, and flags over both.
`messages.tables.build` checks names, types and ranges once, where the tables become dataclasses.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from adapters.inject.settings import InjectSettings
from adapters.wire.format import Encoding
from decoder.ctc.beam import BeamSettings
from decoder.ctc.commit import CommitRule
from decoder.language.hot_words import parse_hot_words
from emgtype.places import PACKAGE, USER_CONFIG, find_profile
from emgtype.renames import refuse_old_names
from messages.errors import InputError
from messages.model_facts import Precision
from messages.tables import Range, build
from streamer.activity.idle_gate import GateSettings
from streamer.conditioning.corrections import Corrections


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """[source]: the LSL streams that samples come from."""

    stream: str
    bands: tuple[str, ...]
    timeout_s: Annotated[float, Range(0.1, 600)]
    stall_s: Annotated[float, Range(0.1, 600)]
    backlog_s: Annotated[float, Range(0.1, 10)]

    def __post_init__(self) -> None:
        if len(self.bands) not in (0, 2):
            raise InputError(
                f"source.bands names {len(self.bands)} streams: expected two, left first, or none (then source.stream "
                "is used)"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the stream with all bands, or one name per band."""
        return self.bands or (self.stream,)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """[pipeline]: how the encoder runs."""

    hop_frames: Annotated[int, Range(1, 125)]
    precision: Precision
    """The encoder of the bundle that runs."""
    person: str
    """Name of the personal layer that is applied; empty: none."""


@dataclass(frozen=True, slots=True)
class LanguageModelConfig:
    """[decoder.language_model]: how much the language model and hot words count."""

    backend: Literal["flat", "kenlm"]
    """Scorer of the language model: the bundle's flat tables where it has them, or KenLM itself."""
    hot_words: tuple[str, ...]
    """Entries as decoder.language.hot_words.parse_hot_words reads them."""
    hot_weight_nats: Annotated[float, Range(0.01, 100)]
    """Nats per key of hot words that state no weight of their own."""
    weight: Annotated[float | None, Range(0, 100)] = None
    """Factor on natural-log scores; None: the bundle's; 0: no language model."""
    bonus_nats: float | None = None
    """Nats per scored key; None: the bundle's."""

    def __post_init__(self) -> None:
        parse_hot_words(self.hot_words, self.hot_weight_nats)


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """[decoder]: the stages between log-probabilities and text."""

    beam: BeamSettings
    commit: CommitRule
    language_model: LanguageModelConfig


@dataclass(frozen=True, slots=True)
class WordsConfig:
    """[words]: a second reading at word level of the text between two pauses."""

    publish: bool
    """Whether the daemon publishes such readings."""
    pause_s: Annotated[float, Range(0.1, 60)]
    longest_s: Annotated[float, Range(1, 600)]
    candidates: Annotated[int, Range(1, 100)]
    beam_width: Annotated[int, Range(1, 1000)]
    weight: Annotated[float, Range(0, 100)]
    bonus_nats: Annotated[float, Range(-100, 100)]
    model: str
    unigrams: str


@dataclass(frozen=True, slots=True)
class PublishConfig:
    """[publish]: the ZeroMQ sockets."""

    endpoint: str
    control: str
    heartbeat_s: Annotated[float, Range(0.05, 600)]
    encoding: Encoding
    curve: bool
    """Whether the sockets encrypt and admit only clients whose certificates they know."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics]: figures for Prometheus."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """[console]: the text on the terminal."""

    raw: bool


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """[record]: signals and text that a running daemon keeps."""

    flight_minutes: Annotated[float, Range(0, 60)]
    """Minutes of signal that the flight recorder holds."""


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
    gate: GateSettings
    words: WordsConfig
    publish: PublishConfig
    metrics: MetricsConfig
    console: ConsoleConfig
    record: RecordConfig
    inject: InjectSettings


def load_config(path: Path | None = None, flags: Mapping[str, Any] | None = None, profile: str | None = None) -> Config:
    """Return the settings in force.

    Args:
        path: The user's file; None: ./config.toml, else that of the user's directory, else the shipped defaults alone.
        flags: Values that win over files, by dotted name ("decoder.beam.width"); None values are ignored.
        profile: Name of a profile, which lies over the user's file.

    Raises:
        InputError: A missing file, invalid TOML, an unknown or an old name, a value of another type or out of range.
    """
    if path is not None and not path.is_file():
        raise InputError(f"no settings file {path}: name an existing one or leave --config out")
    if path is None:
        path = next((p for p in (Path("config.toml"), USER_CONFIG / "config.toml") if p.is_file()), None)
    table = _read(PACKAGE.find("config.toml"))
    files = [path] if path is not None else []
    if profile is not None:
        files.append(find_profile(profile))
    for file in files:
        _overlay(table, _read(file))
    _overlay(table, _nested({name: value for name, value in (flags or {}).items() if value is not None}))
    return build(Config, table, " and ".join(map(str, files)) or "the settings")


def with_profile(config: Config, name: str) -> Config:
    """Return settings with a profile laid over them.

    Raises:
        InputError: As `load_config`, for the profile.
    """
    table, path = as_table(config), find_profile(name)
    _overlay(table, _read(path))
    return build(Config, table, str(path))


def as_table(settings: Any) -> dict[str, Any]:
    """Return settings as nested tables, as TOML has them; a value of None is left out."""
    return {
        name: as_table(value) if is_dataclass(value) else list(value) if isinstance(value, tuple) else value
        for name, value in ((field.name, getattr(settings, field.name)) for field in fields(settings))
        if value is not None
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        # Not only of syntax: Python also gives up on very long numbers and on very deep nesting.
        raise InputError(f"{path} is not valid TOML: {error}; mend that line") from None
    refuse_old_names(table, path)
    return table


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into nested tables."""
    table: dict[str, Any] = {}
    for name, value in values.items():
        *sections, key = name.split(".")
        target = table
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value
    refuse_old_names(table, None)
    return table


def _overlay(table: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _overlay(table[key], value)
        else:
            table[key] = value
