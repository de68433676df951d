"""Options that several commands share, and the one place where --json is printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from emgtype.places import ENCODERS
from emgtype.texts import read_paragraphs
from messages.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


def config_options(command: F) -> F:
    """--config and --bundle."""
    for option in (
        click.option("--bundle", metavar="NAME|FOLDER", help="Model bundle (default: as configured)."),
        click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours)."),
    ):
        command = option(command)
    return command


def profile_option(command: F) -> F:
    """--profile, of one person."""
    return click.option("--profile", metavar="NAME", help="Settings kept under a name, over config.toml.")(command)


def precision_option(command: F) -> F:
    """--precision: which encoder of the bundle runs."""
    kinds = click.Choice(list(ENCODERS))
    return click.option("--precision", type=kinds, help="int8 where the bundle has it (default: as configured).")(
        command
    )


def hot_word_options(command: F) -> F:
    """--hot-word and --hot-words; `hot_word_entries` makes one list of both."""
    for option in (
        click.option("--hot-words", "hot_word_file", type=PATH, help="A file of hot words, one a line."),
        click.option(
            "--hot-word", "hot_words", multiple=True, metavar="WORD[:WEIGHT]", help="Expect a word; repeatable."
        ),
    ):
        command = option(command)
    return command


def hot_word_entries(words: tuple[str, ...], file: Path | None) -> tuple[str, ...] | None:
    """For the setting decoder.hot_words; None: neither flag was given."""
    return (*words, *(read_paragraphs(file) if file else ())) or None


def source_options(command: F) -> F:
    """--stream or --bands: whose samples, of one person."""
    for option in (
        click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Two LSL streams, one a band."),
        click.option("--stream", metavar="NAME", help="LSL stream with both bands."),
    ):
        command = option(command)
    return command


def source_flags(stream: str | None, bands: tuple[str, str] | None) -> dict[str, Any]:
    """What `source_options` say, by the names of the settings.

    Raises:
        InputError: Both are given.
    """
    if stream and bands:
        raise InputError("--stream and --bands are both given, expected one of them: one stream holds both bands")
    return {"source.stream": stream, "source.bands": list(bands) if bands else [] if stream else None}


def json_option(command: F) -> F:
    """--json: the report as one JSON object on standard output, nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(command)


def keys_option(command: F) -> F:
    """--keys: a client's CURVE keys."""
    return click.option("--keys", type=PATH, metavar="FILE", help="Made by `emgtype keys new` where the daemon runs.")(
        command
    )


def print_json(report: Any) -> None:
    """A report on standard output."""
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def given_beside(names: tuple[str, ...]) -> list[str]:
    """Options on the command line other than these."""
    context = click.get_current_context()
    line = click.core.ParameterSource.COMMANDLINE
    given = [option for option in context.command.params if context.get_parameter_source(option.name or "") is line]
    return [max(option.opts, key=len) for option in given if option.name not in names]
