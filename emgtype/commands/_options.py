"""Options that several commands share, the sentences for old flags, and the one place that prints --json."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from emgtype.config import Config, load_config
from emgtype.places import ENCODERS
from emgtype.renames import FLAGS
from emgtype.texts import read_paragraphs
from messages.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])
Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

PATH = click.Path(path_type=Path)

_BUNDLE = click.option("--bundle", metavar="NAME|FOLDER", help="Model bundle (default: as configured).")
_PROFILE = click.option("--profile", metavar="NAME", help="Profile: settings that lie over config.toml.")
_HOP = click.option("--hop", type=int, help="Frames (8 ms each) per encoder call.")
_PRECISION = click.option(
    "--precision", type=click.Choice(list(ENCODERS)), help="int8 where the bundle has it (default: as configured)."
)
_PERSON = click.option("--person", metavar="NAME", help="Who typed: picks their layer of the bundle.")
_LAG = click.option("--lag", type=float, help="Seconds after which a key is final.")
_HOT_WORD = click.option(
    "--hot-word", "hot_words", multiple=True, metavar="WORD[:WEIGHT]", help="Expect a word; repeatable."
)
_HOT_WORDS = click.option("--hot-words", "hot_word_file", type=PATH, help="A file of hot words, one a line.")


def config_option(command: F) -> F:
    """Add --config."""
    help_ = "Settings file (default: ./config.toml, then yours)."
    return click.option("--config", "config_path", type=PATH, help=help_)(command)


def config_options(command: F) -> F:
    """Add --config and --bundle."""
    return config_option(_BUNDLE(command))


def profile_option(command: F) -> F:
    """Add --profile, for one person."""
    return _PROFILE(command)


def precision_option(command: F) -> F:
    """Add --precision, which chooses the bundle's encoder."""
    return _PRECISION(command)


def hot_word_options(command: F) -> F:
    """Add --hot-word and --hot-words; `hot_word_entries` makes one list of both."""
    return _HOT_WORD(_HOT_WORDS(command))


def hot_word_entries(words: tuple[str, ...], file: Path | None) -> tuple[str, ...] | None:
    """Return the value of the setting decoder.language_model.hot_words; None: neither flag was given."""
    return (*words, *(read_paragraphs(file) if file else ())) or None


@dataclass(frozen=True, slots=True)
class SettingsFlags:
    """Values of the flags that `settings_options` adds; None and empty: as configured."""

    config_path: Path | None = None
    bundle: str | None = None
    profile: str | None = None
    hop: int | None = None
    precision: str | None = None
    person: str | None = None
    lag: float | None = None
    hot_words: tuple[str, ...] = ()
    hot_word_file: Path | None = None

    def load(self, others: Mapping[str, Any] | None = None) -> Config:
        """Return the settings with these flags, and others by the names of the settings, over them.

        Raises:
            InputError: As `load_config`, or a file of hot words that cannot be read.
        """
        flags = {
            "bundle": self.bundle,
            "person": self.person,
            "pipeline.person": self.person,
            "pipeline.hop_frames": self.hop,
            "pipeline.precision": self.precision,
            "decoder.commit.lag_s": self.lag,
            "decoder.language_model.hot_words": hot_word_entries(self.hot_words, self.hot_word_file),
        }
        return load_config(self.config_path, {**flags, **(others or {})}, self.profile)


def settings_options(*, lag: bool = False, hot_words: bool = False) -> Decorator:
    """Add the options that choose the settings for a recorded session, and pass them as one parameter `flags`.

    Args:
        lag: Whether --lag is among them.
        hot_words: Whether --hot-word and --hot-words are.
    """
    options: list[Decorator] = [config_option, _BUNDLE, _PROFILE, _HOP, _PRECISION, _PERSON]
    options += [_LAG] if lag else []
    options += [_HOT_WORD, _HOT_WORDS] if hot_words else []

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**values: Any) -> Any:
            own = {field.name: values.pop(field.name) for field in fields(SettingsFlags) if field.name in values}
            return command(flags=SettingsFlags(**own), **values)

        decorated: Command = call
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def source_options(command: F) -> F:
    """Add --stream and --bands, which name the streams of one person."""
    bands = click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Two LSL streams, one a band.")
    return click.option("--stream", metavar="NAME", help="LSL stream with both bands.")(bands(command))


def source_flags(stream: str | None, bands: tuple[str, str] | None) -> dict[str, Any]:
    """Return the values of `source_options` by the names of the settings.

    Raises:
        InputError: Both are given.
    """
    if stream and bands:
        raise InputError("--stream and --bands are both given, expected one of them: one stream holds both bands")
    return {"source.stream": stream, "source.bands": list(bands) if bands else [] if stream else None}


def json_option(command: F) -> F:
    """Add --json: the report as one JSON object, alone on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(command)


def certificate_option(command: Command) -> Command:
    """Add --certificate, a client's CURVE certificate; the flag's old name is refused with the new one."""
    new = click.option(
        "--certificate",
        type=PATH,
        metavar="FILE",
        help="Made by `emgtype certificates new` where the daemon runs.",
    )
    for old, name in {old: name for (_, old), name in FLAGS.items()}.items():
        command = moved_option(old, f"{old} is now called {name}: use that name")(command)
    return new(command)


def moved_option(flag: str, sentence: str, *, is_flag: bool = False) -> Decorator:
    """Refuse a flag of an older version with a sentence that says what replaces it.

    Args:
        flag: The old flag.
        sentence: What is wrong and what to do.
        is_flag: Whether it took no value.
    """

    def refuse(_context: click.Context, _option: click.Parameter, value: object) -> None:
        if value:
            raise InputError(sentence)

    return click.option(flag, hidden=True, expose_value=False, is_eager=True, is_flag=is_flag, callback=refuse)


def print_json(report: Any) -> None:
    """Print a report on standard output."""
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))
