"""The base and the output folder of a personalisation, which may replace neither its base nor a better model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import check_person_name, known_persons, read_person
from messages.errors import InputError
from messages.model_facts import ModelFacts
from streamer.encoder.onnx_file import read_facts
from training.export.bundle import ENCODER, TOLERANCE, streaming_difference
from training.export.checkpoint import WEIGHTS, TrainedEncoder, load_encoder
from training.personal.data import Part, Parts
from training.personal.fit import Personalised, greedy_cer
from training.personal.module import Method

PERSONALISED = "personalised"
"""Key of the record in a bundle's provenance; in a layer's file the record has no key."""


@dataclass(frozen=True, slots=True)
class Target:
    """The base of a personalisation, and the folder of its result.

    Raises:
        InputError: `out` is neither a bundle nor empty, is the base itself, or has other weights than a layer needs.
    """

    base: Path
    """The bundle to start from."""
    out: Path
    """The bundle to write."""
    method: Method
    person: str

    def __post_init__(self) -> None:
        check_person_name(self.person)
        if not self.out.exists():
            return
        if not (self.out / ENCODER).is_file():
            if not self.out.is_dir() or any(self.out.iterdir()):
                raise InputError(f"{self.out} exists and is not a model bundle: name another folder with --out")
        elif self.method == "layer":
            if encoder_sha256(self.out) != encoder_sha256(self.base):
                raise InputError(
                    f"{self.out} holds another encoder.onnx than {self.base}, and a layer fits a single encoder: name "
                    "another folder with --out, or that bundle with --base"
                )
        elif self.out.samefile(self.base):
            raise InputError(
                f"{self.out} is the base itself, which other people may need: name another folder with --out"
            )

    def open_base(self) -> tuple[TrainedEncoder, ModelFacts]:
        """Open the base's weights and facts.

        Raises:
            InputError: encoder.onnx was made from other weights than weights.ckpt.
        """
        trained, facts = load_encoder(self.base), read_facts(str(self.base / ENCODER))
        difference = streaming_difference(trained.encoder, self.base / ENCODER, [facts.encoder.hop])
        if not difference <= TOLERANCE:
            raise InputError(
                f"{WEIGHTS} and {ENCODER} of {self.base} differ by {difference:.2g} nats, expected the same model: "
                "export it again from its checkpoint"
            )
        return trained, facts


def encoder_sha256(bundle: Path) -> str:
    """Return the hex digest of a bundle's encoder.onnx."""
    return sha256(bundle / ENCODER)


def refuse_worse(target: Target, parts: Parts, result: Personalised) -> None:
    """Raise InputError if the base, or the model that the target already holds, is at least as good as the result."""
    if not result.after < result.before:
        early = ", stopped early," if result.interrupted else ""
        raise InputError(
            f"the personalised model{early} has {result.after:.1f} % CER on the held-out part and its base "
            f"{result.before:.1f} %: nothing was written; record more typing, or write it all the same with --force"
        )
    record = _existing_record(target)
    if record is None:
        return
    existing, after = _compare(target, record, parts, result)
    if existing <= after:
        raise InputError(
            f"{target.out} holds a better model: {existing:.1f} % CER on the held-out part, the new one {after:.1f} %; "
            "nothing was written: name another folder with --out, or replace it with --force"
        )


def _existing_record(target: Target) -> dict[str, Any] | None:
    """Return the record of the model that would be replaced; empty if it has none, None if there is no model."""
    if not (target.out / ENCODER).is_file():
        return None
    if target.method != "layer":
        record: dict[str, Any] = read_facts(str(target.out / ENCODER)).provenance.get(PERSONALISED, {})
        return record
    return read_person(target.out, target.person)[1] if target.person in known_persons(target.out) else None


def _compare(target: Target, record: dict[str, Any], parts: Parts, result: Personalised) -> tuple[float, float]:
    """Return the CER of the model in the target and of the new one, on held-out data that neither was trained on."""
    if record.get("held_out") == parts.held_out_id:
        return float(record["cer_after"]), result.after
    unseen: Sequence[Part] = [part for part in parts.held_out if part.name not in record.get("sessions", [])]
    if not unseen:
        raise InputError(
            f"{target.out} holds a model that was trained on all these sessions, so the two cannot be compared; "
            "nothing was written: name another folder with --out, or replace the model with --force"
        )
    layer = read_person(target.out, target.person)[0] if target.method == "layer" else None
    return greedy_cer(load_encoder(target.out), layer, unseen), greedy_cer(result.trained, result.layer, unseen)
