"""Personal layers as files of a bundle: `persons/NAME.npz`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from adapters.files.arrays import read_arrays
from messages.errors import InputError
from streamer.encoder.personal_layer import PersonalLayer

PERSONS = "persons"
"""Name of the folder of personal layers in a bundle."""
_ARRAYS = ("mixing", "scale", "bias")
_FACTS = "facts"
_NAME = re.compile(r"[\w-][\w.-]{0,63}")


def check_person_name(name: str) -> str:
    """Return the name; raise InputError if it is no plain file name."""
    if not _NAME.fullmatch(name):
        raise InputError(f"the person's name {name!r} cannot name a file: use letters, digits, - and _")
    return name


def known_persons(bundle: Path) -> list[str]:
    """Return the names of the people that a bundle has a layer for."""
    return sorted(path.stem for path in (bundle / PERSONS).glob("*.npz"))


def write_person(bundle: Path, layer: PersonalLayer, facts: Mapping[str, Any]) -> Path:
    """Write a person's layer, with facts about its origin, into a bundle's folder; return the file."""
    path = bundle / PERSONS / f"{check_person_name(layer.person)}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(layer, name).astype(np.float32) for name in _ARRAYS}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays, **{_FACTS: np.array(json.dumps(dict(facts)))})
    return path


def read_person(bundle: Path, name: str) -> tuple[PersonalLayer, dict[str, Any]]:
    """Read a person's layer and the facts about its origin; nothing in the file is executed.

    Raises:
        InputError: The bundle has no layer for the person (the sentence names the people that it has), or the file is
            no layer.
    """
    persons = known_persons(bundle)
    if name not in persons:
        others = f"it knows {', '.join(persons)}" if persons else "it knows nobody"
        raise InputError(
            f"the bundle {bundle} has no layer for the person {name!r}: {others}; make one with "
            "`emgtype personalise --method layer`"
        )
    path = bundle / PERSONS / f"{name}.npz"
    try:
        arrays = read_arrays(path)
        layer = PersonalLayer(name, *(arrays[array].astype(np.float32, casting="same_kind") for array in _ARRAYS))
        facts = dict(json.loads(str(arrays[_FACTS])))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is no personal layer ({error}): make it again with `emgtype personalise`") from None
    if not all(np.isfinite(getattr(layer, array)).all() for array in _ARRAYS):
        raise InputError(f"{path} holds numbers that are not finite: make it again with `emgtype personalise`")
    return layer, facts
