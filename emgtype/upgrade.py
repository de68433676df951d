"""Old names in settings files, profiles and systemd units replaced by today's, with everything else left as it is."""

import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.files.private import open_private
from emgtype._toml_keys import KeySpan, find_keys
from emgtype.renames import COMMANDS, FLAGS, new_name, old_names
from messages.errors import InputError

_UNIT_SECTION = re.compile(r"^\[(Unit|Service|Install)\]\s*$", re.MULTILINE)
_EXEC = re.compile(r"^\s*Exec\w+\s*=(?:[^\\\n]|\\.|\\\n)*", re.MULTILINE)
"""A command of a unit, with the lines that a backslash joins to it."""
_CALL = re.compile(r"(?P<program>(?:^|[\s=/\"'])emgtype(?:\.cli)?[\"']?(?:\s|\\\n)+)(?P<command>[a-z-]+)")
"""A program called emgtype, or the module emgtype.cli, and the command that follows it."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A file's text with today's names."""

    text: str
    renames: tuple[tuple[str, str], ...]
    """Each old name in the file, in its order, and the new one."""


def upgrade_file(path: Path, *, write: bool = True) -> tuple[tuple[str, str], ...]:
    """Replace the old names in a settings file, a profile or a systemd unit.

    The new text replaces the old one at once, with the same permissions; a failure leaves the file as it was.

    Args:
        path: The file.
        write: Whether to write it; otherwise the renames are only listed.

    Returns:
        Old and new names, in the file's order; empty where there is nothing to rename.

    Raises:
        InputError: The file cannot be read or written, is no valid TOML, or has a name in its old and its new form.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; name a settings file, a profile or a systemd unit") from None
    upgrade = upgrade_unit(text) if _UNIT_SECTION.search(text) else upgrade_settings(text, path)
    if write and upgrade.renames:
        _replace(path, upgrade.text)
    return upgrade.renames


def upgrade_settings(text: str, path: Path) -> Upgrade:
    """Return the text of a settings file or profile with today's names.

    The result is read again: its values must be those of the old text under the new names.

    Raises:
        InputError: As `upgrade_file`.
    """
    table = _parse(text, path)
    renames = tuple(old_names(table))
    if not renames:
        return Upgrade(text, ())
    expected = _renamed(table, path)
    try:
        new = _rewritten(text)
        same = tomllib.loads(new) == expected
    except (ValueError, RecursionError):
        same = False
    if not same:
        changes = ", ".join(f"{old} to {now}" for old, now in renames)
        raise InputError(f"{path} cannot be upgraded line by line: rename {changes} by hand")
    return Upgrade(new, renames)


def upgrade_unit(text: str) -> Upgrade:
    """Return the text of a systemd unit with today's names of commands and flags in the commands that it runs."""
    renames: list[tuple[str, str]] = []

    def rename_in(match: re.Match[str]) -> str:
        line, pieces, done = match.group(), list[str](), 0
        calls = list(_CALL.finditer(line))
        for call, end in zip(calls, [*(following.start() for following in calls[1:]), len(line)], strict=True):
            old, arguments = call["command"], line[call.end() : end]
            new = COMMANDS.get(old, old)
            if new != old:
                renames.append((f"emgtype {old}", f"emgtype {new}"))
            for flag in (flag for command, flag in FLAGS if command == old):
                arguments, count = re.subn(rf"(?<=\s){flag}(?=[\s=\"']|$)", FLAGS[old, flag], arguments)
                renames.extend([(flag, FLAGS[old, flag])] * count)
            pieces += [line[done : call.start("command")], new, arguments]
            done = end
        return "".join([*pieces, line[done:]])

    return Upgrade(_EXEC.sub(rename_in, text), tuple(renames))


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid TOML: {error}; mend that line") from None


def _rewritten(text: str) -> str:
    pieces, done = [], 0
    for span in find_keys(text):
        if (key := _new_key(span)) is not None:
            pieces += [text[done : span.start], key]
            done = span.end
    return "".join([*pieces, text[done:]])


def _new_key(span: KeySpan) -> str | None:
    """Return the text that replaces a key's; None: it stays."""
    table, key = span.name[: span.depth], span.name[span.depth :]
    prefix = len(new_name(table, section=True)) if table else 0
    new = new_name(span.name, section=span.section)[prefix:]
    return None if new == key else ".".join(new)


def _renamed(table: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the values of a table under today's names."""
    new: dict[str, Any] = {}
    old_of: dict[tuple[str, ...], tuple[str, ...]] = {}

    def put(values: Mapping[str, Any], prefix: tuple[str, ...]) -> None:
        for key, value in values.items():
            old = (*prefix, key)
            section = isinstance(value, Mapping)
            name = new_name(old, section=section)
            *sections, last = name
            target = new
            for part in sections:
                target = target.setdefault(part, {})
            if section:
                target.setdefault(last, {})
                put(value, old)
            elif last in target:
                both = " and ".join(".".join(each) for each in (old_of.get(name, name), old))
                raise InputError(f"{path} sets both {both}, which is one setting under two names: remove one")
            else:
                target[last], old_of[name] = value, old

    put(table, ())
    return new


def _replace(path: Path, text: str) -> None:
    """Write a file at once: whoever reads meanwhile sees the old text or the new one, whole."""
    target = path.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(open_private(part, new=False), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error}; it is as it was: make room, or mend its folder") from None
