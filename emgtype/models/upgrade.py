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
    half = out.with_name(f"{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    try:
        shutil.copytree(folder, half)
        changed = _rewrite(half, facts)
        half.rename(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return changed


def _rewrite(bundle: Path, facts: Mapping[str, ModelFacts]) -> list[str]:
    """Write facts, by precision, into the encoders of a bundle, and into all files that name the float encoder."""
    float_encoder = bundle / ENCODERS["fp32"]
    before = sha256(float_encoder)
    changed = []
    for precision, stated in facts.items():
        path, origin = bundle / ENCODERS[precision], stated.provenance
        origin = _made_of(float_encoder, origin) if origin.get(_MADE_OF) == before else origin
        path.write_bytes(with_facts(path.read_bytes(), replace(stated, provenance=origin)))
        changed.append(path.name)
    for person in known_persons(bundle):
        layer, origin = read_person(bundle, person)
        if origin.get(_MADE_OF) == before:
            written = write_person(bundle, layer, _made_of(float_encoder, origin))
            changed.append(written.relative_to(bundle).as_posix())
    write_checksums(bundle)
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
