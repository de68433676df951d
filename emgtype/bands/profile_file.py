"""Profiles written: corrections of the signal into NAME.toml, and beside it NAME.signal.json, how the signal was."""

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
_KINDS = 2  # of correlations in a pattern
_HEAD = "# Settings that lie over config.toml while this profile is chosen.\n"


def profile_path(name: str) -> Path:
    """File of a profile: where it is, or where a new one belongs.

    Raises:
        InputError: A name that is none for a file.
    """
    try:
        return find_profile(name)
    except InputError:
        if not name or Path(name).name != name:
            raise
    folder = Path("profiles") if Path("profiles").is_dir() else USER_CONFIG / "profiles"
    return folder / (name if name.endswith(".toml") else f"{name}.toml")


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Put these into a profile's [conditioner]; all else in the file stays as it is. What is the default is left out.

    Raises:
        InputError: The file cannot be read or written, or its [conditioner] is written otherwise than as a section.
    """
    default = Corrections()
    values = {field.name: getattr(corrections, field.name) for field in fields(Corrections)}
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value != getattr(default, name)]
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the profile {path}: {error}; mend or remove it") from None
    kept = _without_section(text).rstrip("\n")
    new = "\n".join([kept, "", f"[{SECTION}]", *lines, ""]) if lines else kept + "\n"
    try:
        found = tomllib.loads(new).get(SECTION, {})
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot put [{SECTION}] into {path}: {error}; mend or remove what stands there") from None
    if set(found) != {line.split(" ")[0] for line in lines}:
        raise InputError(f"{path} sets {SECTION} outside of a section of that name: move it into [{SECTION}]")
    _write(path, new)


def _without_section(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]"):
            inside = bare.strip("[] ") == SECTION
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)  # TOML writes lists, numbers and bools alike


def reference_path(profile: Path) -> Path:
    """Where a profile's reference lies."""
    return profile.with_suffix(".signal.json")


def write_reference(profile: Path, reference: Reference, layout: Layout) -> None:
    """Save how the signal of a profile's wearer is when all is well."""
    content = {
        "layout": {"sides": list(layout.sides), "electrodes": layout.electrodes, "unit": layout.unit},
        "levels_db": np.round(reference.levels, 2).tolist(),
        "pattern": np.round(reference.pattern, 4).tolist(),
    }
    _write(reference_path(profile), json.dumps(content) + "\n")


def read_reference(profile: Path, layout: Layout) -> Reference | None:
    """How the signal was; None: nobody saved it.

    Raises:
        InputError: A file that is broken, or of other bands.
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
    wanted = (shape, (layout.bands, _KINDS, layout.electrodes, layout.electrodes))
    finite = np.isfinite(levels).all() and np.isfinite(pattern).all()
    if (levels.shape, pattern.shape) != wanted or not finite or not _same_bands(content, layout):
        raise InputError(f"{path} is not of {layout}: make it again with `emgtype check --learn`")
    return Reference(levels, pattern)


def _same_bands(content: Mapping[str, Any], layout: Layout) -> bool:
    stated = content.get("layout")
    return isinstance(stated, Mapping) and stated.get("sides") == list(layout.sides)


def _write(path: Path, text: str) -> None:
    """In one go: whoever reads meanwhile sees the old file or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error}; name a profile in a folder of yours") from None
