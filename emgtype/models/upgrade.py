"""Bundles of an older emgtype, brought up to date: their metadata are written anew, all weights stay as they are."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256, write_checksums
from adapters.bundles.personal_layers import known_persons, read_person, write_person
from emgtype.places import ENCODERS, find_bundle
from messages.errors import InputError
from messages.model_facts import OLDER_VERSION, PREFIX, VERSION, ModelFacts, read_entries
from streamer.encoder.onnx_file import metadata_of, with_facts

_ENCODER = ("hop", "receptive_field", "states", "family", "look_ahead", "precision")


_MADE_OF = "encoder_sha256"
"""Entry that says of which encoder.onnx another file was made."""


def upgrade_bundle(old: str, out: Path) -> list[str]:
    """Write a bundle of version 3 in this version: new metadata and SHA256SUMS, all else bit for bit.

    Args:
        old: Name or folder of the bundle.
        out: A new folder.

    Returns:
        Names of the files that changed.

    Raises:
        InputError: No such bundle, one of another version, or a folder that is there already.
    """
    folder = find_bundle(old)
    if out.exists():
        raise InputError(f"{out} is there already: name a new folder with --out")
    encoders = {precision: folder / name for precision, name in ENCODERS.items() if (folder / name).is_file()}
    facts = {precision: upgraded(metadata_of(str(path)), str(path)) for precision, path in encoders.items()}
    shutil.copytree(folder, out)
    float_encoder = out / ENCODERS["fp32"]
    before = sha256(float_encoder)
    changed = []
    for precision, path in encoders.items():
        new_facts = facts[precision]
        if new_facts.provenance.get(_MADE_OF) == before:
            new_facts = replace(new_facts, provenance=_made_of(float_encoder, new_facts.provenance))
        (out / path.name).write_bytes(with_facts(path.read_bytes(), new_facts))
        changed.append(path.name)
    for person in known_persons(out):
        layer, origin = read_person(out, person)
        if origin.get(_MADE_OF) == before:
            changed.append(write_person(out, layer, _made_of(float_encoder, origin)).relative_to(out).as_posix())
    write_checksums(out)
    return changed


def _made_of(float_encoder: Path, origin: Mapping[str, Any]) -> dict[str, Any]:
    return {**origin, _MADE_OF: sha256(float_encoder)}


def upgraded(metadata: Mapping[str, str], where: str) -> ModelFacts:
    """Read facts of version 3.

    Raises:
        InputError: They are of another version, or do not fit.
    """
    facts = read_entries(metadata, where)
    if facts.get("version") != OLDER_VERSION:
        raise InputError(
            f"{where} states its facts in version {facts.get('version')!r}; expected {OLDER_VERSION}, which alone can "
            "be brought up to date."
        )
    encoder = {name: facts.pop(name) for name in _ENCODER if name in facts}
    encoder["kind"] = "streaming" if facts.pop("streams", True) else "whole"
    front_end = {**facts.pop("stft", {}), "kind": facts.pop("front_end", "stft")}
    decoder = {
        "classes": facts.pop("classes", ()),
        "blank": facts.pop("blank", -1),
        "kind": facts.pop("decoder", "ctc"),
    }
    nested = {**facts, "encoder": encoder, "front_end": front_end, "decoder": decoder, "version": VERSION}
    return ModelFacts.from_metadata({PREFIX + name: json.dumps(value) for name, value in nested.items()}, where)
