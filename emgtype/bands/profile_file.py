"""Writes profiles: corrections of the signal into NAME.toml, and a reference of it beside that, NAME.signal.json."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from emgtype.places import USER_CONFIG, find_profile
from messages.errors import InputError
from messages.signal import Layout
from streamer.conditioning.corrections import Corrections
from streamer.quality.watch import Reference

SECTION = "conditioner"
"""Section of a profile that holds the corrections."""
_KINDS = 2
"""Kinds of correlations in a pattern."""
_HEAD = "# Settings that lie over config.toml while this profile is chosen.\n"


def profile_path(name: str) -> Path:
    """Return the file of a profile: where it is, or where a new one belongs.

    Raises:
        InputError: The name cannot be that of a file.
    """
    try:
        return find_profile(name)
    except InputError:
        if not name or Path(name).name != name:
            raise
    folder = Path("profiles") if Path("profiles").is_dir() else USER_CONFIG / "profiles"
    return folder / (name if name.endswith(".toml") else f"{name}.toml")


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Put corrections into a profile's [conditioner], without those that are the default; the rest of the file stays.

    Raises:
        InputError: The file cannot be read or written, or sets [conditioner] otherwise than by a section.
    """
    default = Corrections()
    values = {field.name: getattr(corrections, field.name) for field in fields(Corrections)}
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value != getattr(default, name)]
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the profile {path}: {error}; mend or remove it") from None
    others = _without_section(text).rstrip("\n")
    new = "\n".join([others, "", f"[{SECTION}]", *lines, ""]) if lines else others + "\n"
    try:
        settings = tomllib.loads(new).get(SECTION, {})
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot put [{SECTION}] into {path}: {error}; mend the file or remove it") from None
    if set(settings) != {line.split(" ")[0] for line in lines}:
        raise InputError(f"{path} sets {SECTION} outside of a section of that name: move it into [{SECTION}]")
    _write(path, new)


def _without_section(text: str) -> str:
    """Return the text of a profile without the lines of its [conditioner]."""
    others, inside = [], False
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]"):
            inside = bare.strip("[] ") == SECTION
        if not inside:
            others.append(line)
    return "\n".join(others)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it: lists, numbers and bools are as in JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def reference_path(profile: Path) -> Path:
    """Return the file of a profile's reference."""
    return profile.with_suffix(".signal.json")


def write_reference(profile: Path, reference: Reference, layout: Layout) -> None:
    """Save the signal of a profile's wearer as it is when all is well."""
    content = {
        "layout": {"sides": list(layout.sides), "electrodes": layout.electrodes, "unit": layout.unit},
        "levels_db": np.round(reference.levels, 2).tolist(),
        "pattern": np.round(reference.pattern, 4).tolist(),
    }
    _write(reference_path(profile), json.dumps(content) + "\n")


def read_reference(profile: Path, layout: Layout) -> Reference | None:
    """Return the saved reference of a profile; None if there is none.

    Raises:
        InputError: The file is broken, or of other bands.
    """
    path = reference_path(profile)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        levels = np.array(content["levels_db"], np.float64)
        pattern = np.array(content["pattern"], np.float64)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is broken ({error}): make it again with `emgtype check --learn`") from None
    shape = (layout.bands, layout.electrodes)
    expected = (shape, (layout.bands, _KINDS, layout.electrodes, layout.electrodes))
    finite = np.isfinite(levels).all() and np.isfinite(pattern).all()
    if (levels.shape, pattern.shape) != expected or not finite or not _same_bands(content, layout):
        raise InputError(f"{path} is not of {layout}: make it again with `emgtype check --learn`")
    return Reference(levels, pattern)


def _same_bands(content: Mapping[str, Any], layout: Layout) -> bool:
    stated = content.get("layout")
    return isinstance(stated, Mapping) and stated.get("sides") == list(layout.sides)


def _write(path: Path, text: str) -> None:
    """Write a file in one step, so that a reader meanwhile sees the old text or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error}; name a profile in a folder of yours") from None
