"""Translate calls of the old commit for the new one: the names that the refactoring changes, in tables.

EXTEND THESE TABLES when you rename something. Each entry counts only where the new checkout has the new name and no
longer the old one, so that the comparison works at every stage of the refactoring.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emgtype.renames import new_name


@dataclass(frozen=True, slots=True)
class CommandRename:
    """A command that becomes another one."""

    old: str
    """The old command."""
    new: str
    """The new command; the rename counts where `emgtype --help` lists it."""
    marker: str = ""
    """A flag, or the end of a file's name, without which the old command stays the old one; empty: it never stays."""
    flags: Mapping[str, str | None] = field(default_factory=dict)
    """Old flags and their new names; None leaves the flag's word out, so that its value, where it has one, becomes an
    argument: with {"--faults": None} `--faults PLAN` becomes `PLAN`."""


COMMANDS = (
    CommandRename("replay", "faults", "--faults", {"--faults": None}),
    CommandRename("replay", "flight", ".flight", {"--fast": None}),
    CommandRename("replay", "commit-sweep", "--commit-sweep", {"--commit-sweep": None, "--fast": None}),
    CommandRename("keys", "certificates"),
)
"""Commands; the first that fits counts."""

FLAGS = {
    ("listen", "--keys"): "--certificate",
    ("control", "--keys"): "--certificate",
    ("health", "--keys"): "--certificate",
}
"""(old command, old flag) → new flag, where the command keeps its name and its --help no longer lists the old flag."""

FIELDS: dict[str, str] = {}
"""Fields of published messages, of reports of --json and of the status, wherever they stand in them."""


def translated_command(arguments: Sequence[str], help_text: Callable[[str], str]) -> list[str]:
    """Translate a call.

    Args:
        arguments: The call in the old commit's words, the command first.
        help_text: Returns what --help of a command of the new checkout prints; of the program for "".
    """
    command, *rest = arguments
    # The names stand two spaces in; wrapped lines of the descriptions stand further in.
    commands = re.findall(r"^  (\S+)(?=  |$)", help_text("").partition("Commands:")[2], re.MULTILINE)
    for rename in COMMANDS:
        marked = not rename.marker or any(argument.endswith(rename.marker) for argument in rest)
        if rename.old == command and marked and rename.new in commands:
            return [rename.new, *_with_flags(rest, rename.flags)]
    renamed = {
        old: new for (of, old), new in FLAGS.items() if of == command and old in rest and old not in help_text(of)
    }
    return [command, *_with_flags(rest, renamed)]


def _with_flags(arguments: Sequence[str], flags: Mapping[str, str | None]) -> list[str]:
    return [new for argument in arguments if (new := flags.get(argument, argument)) is not None]


def translated_settings(settings: Mapping[str, Any], config: Path) -> dict[str, Any]:
    """Give settings, by their dotted names, the names that a checkout's config.toml has."""
    table = tomllib.loads(config.read_text(encoding="utf-8"))
    return {_translated_setting(name, table): value for name, value in settings.items()}


def _translated_setting(name: str, table: Mapping[str, Any]) -> str:
    new = ".".join(new_name(tuple(name.split(".")), section=False))
    return new if _has(table, new) else name


def _has(table: Mapping[str, Any], name: str) -> bool:
    value: Any = table
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return not isinstance(value, Mapping)


def renamed_fields(value: Any) -> Any:
    """Give the fields of an old output, at any depth, their new names."""
    if isinstance(value, dict):
        return {FIELDS.get(name, name): renamed_fields(inner) for name, inner in value.items()}
    return [renamed_fields(inner) for inner in value] if isinstance(value, list) else value
