"""Model bundles on disk: found, opened, and checked to fit this emgtype."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.bundles.checksums import sha256
from decoder.language.model import LanguageModelFacts
from emgtype.places import ENCODERS, LM_BINARY, LM_FACTS, find_bundle
from messages.charset import KEYS
from messages.errors import InputError
from messages.model_facts import ModelFacts, Precision
from streamer.encoder.onnx_file import read_facts

if TYPE_CHECKING:
    from adapters.sessions.reader import SessionReader  # HDF5's library: serve reads no session


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model bundle on disk."""

    folder: Path
    facts: ModelFacts
    language_model: LanguageModelFacts | None
    """None: the bundle has none."""

    @property
    def encoder(self) -> Path:
        """The ONNX file that runs."""
        return self.folder / ENCODERS[self.facts.encoder.precision]


def open_bundle(name: str, precision: Precision = "fp32") -> Bundle:
    """Find a bundle and read its facts.

    Raises:
        InputError: No such bundle, none of this precision, or one that does not fit this daemon.
    """
    folder = find_bundle(name)
    facts = read_facts(str(_encoder(folder, precision)))
    if precision != "fp32" and facts.provenance.get("encoder_sha256") != sha256(folder / ENCODERS["fp32"]):
        raise InputError(
            f"{ENCODERS[precision]} of the bundle {folder} was made of another encoder.onnx than lies there: make it "
            "again with `emgtype quantise`"
        )
    if facts.decoder.classes != KEYS:
        raise InputError(
            f"the bundle {folder} decodes {len(facts.decoder.classes)} classes that are not emg2qwerty's {len(KEYS)} "
            "keys in their order: use another bundle"
        )
    return Bundle(folder, facts, _language_model(folder))


def _encoder(folder: Path, precision: Precision) -> Path:
    encoder = folder / ENCODERS[precision]
    if not encoder.is_file():
        raise InputError(
            f"the bundle {folder} has no {encoder.name}: run it in fp32, or make the file with `emgtype quantise`"
        )
    return encoder


def _language_model(folder: Path) -> LanguageModelFacts | None:
    if not (folder / LM_BINARY).is_file():
        return None
    if not (folder / LM_FACTS).is_file():
        raise InputError(f"{folder} has {LM_BINARY} but no {LM_FACTS} to say its alphabet: run `emgtype lm build`")
    return LanguageModelFacts.from_json((folder / LM_FACTS).read_text(encoding="utf-8", errors="replace"))


def check_length(session: "SessionReader", facts: ModelFacts) -> None:
    """Raise InputError for a session shorter than one emission's receptive field."""
    needed = facts.receptive_field_samples
    if len(session) < needed:
        raise InputError(
            f"the session {session.name} has {len(session)} samples, shorter than the receptive field of {facts.name}: "
            f"expected at least {needed} ({needed / facts.layout.rate:.2f} s)"
        )
