"""What a personalisation starts from and what it may replace: never its base, never a better model."""

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
"""Key of the record in a bundle's provenance; in a layer's file the record stands by itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is personalised, and where it goes.

    Raises:
        InputError: `out` is no bundle but not empty, is the base itself, or has other weights than a layer needs.
    """

    base: Path
    out: Path
    method: Method
    person: str

    def __post_init__(self) -> None:
        check_person_name(self.person)
        if not self.out.exists():
            return
        if not (self.out / ENCODER).is_file():
            if not self.out.is_dir() or any(self.out.iterdir()):
                raise InputError(f"{self.out} exists and is no model bundle: name another folder with --out")
        elif self.method == "layer":
            if encoder_sha256(self.out) != encoder_sha256(self.base):
                raise InputError(
                    f"{self.out} holds another encoder.onnx than {self.base}, and a layer fits one alone: name another "
                    "folder with --out, or that bundle with --base"
                )
        elif self.out.samefile(self.base):
            raise InputError(f"{self.out} is the base itself, which others may need: name another folder with --out")

    def open_base(self) -> tuple[TrainedEncoder, ModelFacts]:
        """The base's weights and facts; raises InputError where weights.ckpt is not what encoder.onnx was made from."""
        trained, facts = load_encoder(self.base), read_facts(str(self.base / ENCODER))
        difference = streaming_difference(trained.encoder, self.base / ENCODER, [facts.encoder.hop])
        if not difference <= TOLERANCE:
            raise InputError(
                f"{WEIGHTS} and {ENCODER} of {self.base} differ by {difference:.2g} nats, expected the same model: "
                "export it again from its checkpoint"
            )
        return trained, facts


def encoder_sha256(bundle: Path) -> str:
    """Hex digest of a bundle's encoder.onnx."""
    return sha256(bundle / ENCODER)


def refuse_worse(target: Target, parts: Parts, result: Personalised) -> None:
    """Raise InputError where the base, or what lies in the target already, is at least as good as the result."""
    if not result.after < result.before:
        early = ", stopped early," if result.interrupted else ""
        raise InputError(
            f"the personalised model{early} has {result.after:.1f} % CER on the held-out part and its base "
            f"{result.before:.1f} %: nothing was written; record more typing, or keep it all the same with --force"
        )
    record = _record(target)
    if record is None:
        return
    before, after = _compared(target, record, parts, result)
    if before <= after:
        raise InputError(
            f"{target.out} holds a better model: {before:.1f} % CER on the held-out part, the new one {after:.1f} %; "
            "nothing was written: name another folder with --out, or replace it with --force"
        )


def _record(target: Target) -> dict[str, Any] | None:
    """How the model that would be replaced was made; empty where it was not personalised, None where there is none."""
    if not (target.out / ENCODER).is_file():
        return None
    if target.method != "layer":
        record: dict[str, Any] = read_facts(str(target.out / ENCODER)).provenance.get(PERSONALISED, {})
        return record
    return read_person(target.out, target.person)[1] if target.person in known_persons(target.out) else None


def _compared(target: Target, record: dict[str, Any], parts: Parts, result: Personalised) -> tuple[float, float]:
    """CER of the model that lies in the target, and of the new one, on held-out data that neither was trained on."""
    if record.get("held_out") == parts.held_out_id:
        return float(record["cer_after"]), result.after
    unseen: Sequence[Part] = [part for part in parts.held_out if part.name not in record.get("sessions", [])]
    if not unseen:
        raise InputError(
            f"{target.out} holds a model that has seen all these sessions, so nothing tells which is better; nothing "
            "was written: name another folder with --out, or replace it with --force"
        )
    layer = read_person(target.out, target.person)[0] if target.method == "layer" else None
    return greedy_cer(load_encoder(target.out), layer, unseen), greedy_cer(result.trained, result.layer, unseen)
