"""The bundle of a personalised model: written to a temporary folder, which then replaces the old bundle at once."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adapters.bundles.checksums import CHECKSUMS, write_checksums
from adapters.bundles.personal_layers import PERSONS, write_person
from adapters.sessions.reader import SessionReader
from messages.errors import InputError
from messages.model_facts import ModelFacts
from training.export.bundle import CARD, ENCODER, INT8, export_bundle
from training.export.checkpoint import WEIGHTS, write_weights
from training.personal.data import Parts
from training.personal.fit import Personalised
from training.personal.target import PERSONALISED, Target, encoder_sha256
from training.run.delay import press_delays

_LANGUAGE_MODEL = "lm.*"
_REPLACED_FILES = {ENCODER, INT8, CARD, CHECKSUMS, WEIGHTS, PERSONS, "accuracy.txt", "training.jsonl"}
"""Files that a new model replaces; other files of the folder stay."""


def write_bundle(target: Target, base: ModelFacts, parts: Parts, result: Personalised) -> None:
    """Write the personalised bundle; if that fails, the old one stays intact.

    Raises:
        InputError: The bundle cannot be written, e.g. because the disk is full.
    """
    out = target.out
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # On the same file system, so that the folder can be renamed.
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
            draft = Path(folder, out.name)
            record = _make_record(target, base, parts, result)
            if result.layer is None:
                _write_model(draft, target, base, parts, result, record)
            else:
                shutil.copytree(target.base, draft)
                if (out / PERSONS).is_dir():
                    shutil.copytree(out / PERSONS, draft / PERSONS, dirs_exist_ok=True)
                write_person(draft, replace(result.layer, person=target.person), record)
            for entry in out.iterdir() if out.is_dir() else ():
                if entry.name not in _REPLACED_FILES and entry.is_file() and not (draft / entry.name).exists():
                    shutil.copy2(entry, draft / entry.name)
            write_checksums(draft)
            with _signals_blocked():
                _replace(draft, out)
    except OSError as error:
        raise InputError(
            f"cannot write the bundle {out}: {error.strerror or error}; the folder is unchanged: make room, or name "
            "another one with --out"
        ) from None


def _write_model(
    draft: Path, target: Target, base: ModelFacts, parts: Parts, result: Personalised, record: Mapping[str, Any]
) -> None:
    facts = replace(
        base,
        name=target.out.name,
        emission_delay_ms=_emission_delay_ms(parts, result) or base.emission_delay_ms,
        provenance={PERSONALISED: dict(record), "base": base.provenance},
    )
    export_bundle(result.trained.encoder, draft, facts, _card(facts, record))
    sessions = tuple(sorted({*result.trained.sessions, *record["sessions"]}))
    write_weights(replace(result.trained, sessions=sessions), draft / WEIGHTS)
    for path in target.base.glob(_LANGUAGE_MODEL):
        shutil.copyfile(path, draft / path.name)


def _make_record(target: Target, base: ModelFacts, parts: Parts, result: Personalised) -> dict[str, Any]:
    """Return the origin of the model: names, but no paths and nothing of the typed text."""
    return {
        "base": base.name,
        "encoder_sha256": encoder_sha256(target.base),
        "method": target.method,
        "sessions": sorted({part.name for part in (*parts.training, *parts.held_out)}),
        "minutes": round(sum(part.minutes for part in parts.training), 2),
        "held_out_sessions": [part.name for part in parts.held_out],
        "held_out_minutes": round(sum(part.minutes for part in parts.held_out), 2),
        "held_out": parts.held_out_id,
        "cer_before": round(result.before, 3),
        "cer_after": round(result.after, 3),
        "steps": result.steps,
        "seconds": round(result.seconds, 1),
    }


def _emission_delay_ms(parts: Parts, result: Personalised) -> float | None:
    """Return the median over the held-out parts; None if no key with a known time was decoded correctly."""
    delays: list[float] = []
    for part in parts.held_out:
        with SessionReader(part.path) as session:
            delays += press_delays(result.trained, session.read(part.first, part.last), session.keystrokes)
    return round(1e3 * float(np.median(delays)), 1) if delays else None


def _card(facts: ModelFacts, record: Mapping[str, Any]) -> str:
    sessions = ", ".join(record["sessions"])
    return f"""# {facts.name}

The model `{record["base"]}` fitted to one person with `emgtype personalise --method {record["method"]}`.

| | |
|---|---|
| base | `{record["base"]}`, encoder.onnx with SHA-256 {record["encoder_sha256"]} |
| sessions | {sessions} |
| learned from | {record["minutes"]:.1f} minutes |
| held out | {record["held_out_minutes"]:.1f} minutes of {", ".join(record["held_out_sessions"])} |
| greedy CER there | {record["cer_before"]:.1f} % before, {record["cer_after"]:.1f} % after; it chose when to stop |
| took | {record["seconds"]:.0f} s, {record["steps"]} steps |
| licence | {facts.licence} |

It decodes this person; what it does for others was not measured.
"""


def _replace(draft: Path, out: Path) -> None:
    """Rename the draft to `out`; an old folder there moves beside the draft, and back if that fails."""
    old = draft.with_name(f"{out.name}.old")
    if out.exists():
        out.rename(old)
    try:
        draft.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Delay SIGINT (Ctrl-C) and SIGTERM until the block ends."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
