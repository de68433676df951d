"""Facts that a model states of itself; they travel in the metadata of its ONNX file.

Front end, encoder and decoder are tagged unions: a new kind is one more dataclass with a `kind` of its own here, one
stage, and one case where the stage is chosen (`streamer.front_end.choice`, `streamer.encoder.choice`,
`emgtype.models.decoders`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from messages.errors import InputError
from messages.signal import Layout
from messages.tables import build

VERSION = 4
"""Version of this list of facts and of the graph's inputs and outputs; raised when a fact is added or changes."""
OLDER_VERSION = 3
"""Version that `emgtype export --upgrade` reads: one flat list of facts."""
OWN_LICENCE = "Apache-2.0"
"""Licence of emgtype and of models that owe nothing to others' weights."""
PREFIX = "emgtype."
"""Prefix of every metadata key; the values are JSON."""

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class StftFacts:
    """Front end: the short-time Fourier transform that a model was trained with; the defaults are emg2qwerty's."""

    window: int = 64
    """Samples of the periodic Hann window."""
    hop: int = 16
    """Samples from one frame to the next."""
    floor: float = 1e-6
    """Added to the power, in squared sample units, before the decimal logarithm."""
    kind: Literal["stft"] = "stft"

    def __post_init__(self) -> None:
        if not (1 <= self.hop <= self.window and self.window % 2 == 0 and self.floor > 0):
            raise InputError(
                f"The spectrogram has window {self.window}, hop {self.hop} and floor {self.floor:g}; expected an even "
                "window, a hop of 1 to that, and a floor above 0: correct the model's constants."
            )

    @property
    def bins(self) -> int:
        """Frequency bins of one frame, from 0 to half the rate."""
        return self.window // 2 + 1

    def shape(self, layout: Layout) -> tuple[int, ...]:
        """Return the shape of one frame's values."""
        return (layout.bands, layout.electrodes, self.bins)

    def frames(self, samples: int) -> int:
        """Return how many frames so many samples give: no centring, no padding."""
        return max(0, (samples - self.window) // self.hop + 1)

    def samples(self, frames: int) -> int:
        """Return how many samples so many frames (at least 1) span."""
        return self.window + self.hop * (frames - 1)


@dataclass(frozen=True, slots=True)
class StateFacts:
    """One tensor that the encoder carries from hop to hop."""

    name: str
    """The graph's input; its output has this name with `_out`."""
    shape: tuple[int, ...]
    initial: str = "zeros"
    """Content before the first hop."""


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """Encoder: how the ONNX graph is called."""

    hop: int
    """Frames per call, unless the user wants another."""
    receptive_field: int
    """Frames that an emission sees at least, itself the newest; an LSTM or a rolling normalisation sees farther."""
    states: tuple[StateFacts, ...] = ()
    kind: Literal["streaming", "whole"] = "streaming"
    """whole: every emission sees the whole recording, as a bidirectional LSTM's do."""
    family: str = "tds"
    """Kind of network (tds, spatial_tds, spatial_lstm, split_share), for people; the other facts say what to do."""
    look_ahead: int = 0
    """Frames that an emission sees beyond its own time."""
    precision: Precision = "fp32"
    """Precision of the dense layers' weights."""


@dataclass(frozen=True, slots=True)
class CtcFacts:
    """Decoder: emissions are log-probabilities of keys and a blank, with any alignment (CTC)."""

    classes: tuple[str, ...]
    """The keys in label order, without the blank."""
    blank: int
    """Label of the CTC blank."""
    kind: Literal["ctc"] = "ctc"

    @property
    def outputs(self) -> int:
        """Columns of an emission."""
        return len(self.classes) + 1


FrontEndFacts = StftFacts
"""Union of the front ends' facts; today there is one."""
DecoderFacts = CtcFacts
"""Union of the decoders' facts; today there is one."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Every fact that is needed to feed a model and to read its emissions."""

    name: str
    licence: str
    """SPDX expression."""
    layout: Layout
    """Samples that the model was trained on."""
    front_end: FrontEndFacts
    encoder: EncoderFacts
    decoder: DecoderFacts
    emission_delay_ms: float | None = None
    """Median from key press to emission, measured on held-out sessions; None: not measured."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the weights come from: data, command, date, seeds."""
    version: int = VERSION

    def __post_init__(self) -> None:
        # Only what this daemon can run: another kind of model needs another daemon, not a wrong result.
        if self.encoder.look_ahead:
            raise InputError(
                f"The model {self.name} states look_ahead {self.encoder.look_ahead} and this emgtype runs 0; export "
                "the model again, or use the emgtype that it was made for."
            )
        if self.decoder.blank != len(self.decoder.classes):
            raise InputError(
                f"The model {self.name} puts the blank at {self.decoder.blank} and has {len(self.decoder.classes)} "
                "keys; expected the blank last: export it again."
            )
        if self.encoder.kind == "whole" and self.encoder.states:
            raise InputError(
                f"The model {self.name} states that it takes a whole recording at once and that it carries states; "
                "export it again."
            )
        if strange := [state.name for state in self.encoder.states if state.initial != "zeros"]:
            raise InputError(
                f"The model {self.name} wants the states {', '.join(strange)} to start from something else than zeros, "
                "which this emgtype does not know; export it again."
            )

    @property
    def receptive_field_samples(self) -> int:
        """Samples that one emission sees."""
        return self.front_end.samples(self.encoder.receptive_field)

    @property
    def licence_note(self) -> str | None:
        """Note for users on the licence of the weights; None where it is emgtype's own."""
        if self.licence == OWN_LICENCE:
            return None
        return f"{self.licence}, non-commercial use only" if "-NC" in self.licence.upper() else self.licence

    def require(self, layout: Layout) -> None:
        """Raise InputError unless a source delivers what the model was trained on."""
        if layout != self.layout:
            raise InputError(
                f"The source delivers {layout}, but the model {self.name} was trained on {self.layout}; use another "
                "source or another bundle."
            )

    def require_streaming(self) -> None:
        """Raise InputError for a model that cannot decode before the recording has ended."""
        if self.encoder.kind == "whole":
            raise InputError(
                f"The model {self.name} ({self.encoder.family}) looks at a recording from both ends and cannot decode "
                "live; replay a session with it, or use a bundle of a causal encoder."
            )

    def to_metadata(self) -> dict[str, str]:
        """Return one entry per fact; for readers without this code also the receptive field in samples."""
        facts = {**asdict(self), "receptive_field_samples": self.receptive_field_samples}
        return {PREFIX + name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> "ModelFacts":
        """Read the facts that `to_metadata` wrote; entries of others are passed over.

        Args:
            metadata: Entries of the ONNX file.
            where: The bundle, for messages.

        Raises:
            InputError: No facts, facts missing or unreadable, or facts that this emgtype cannot run.
        """
        facts = read_entries(metadata, where)
        if facts.get("version") != VERSION:
            raise InputError(_other_version(facts.get("version"), where))
        samples, provenance = facts.pop("receptive_field_samples", None), facts.pop("provenance", None)
        if not isinstance(provenance, dict):
            raise InputError(f"{where} has {provenance!r} as its provenance, expected a table; export it again.")
        if missing := [fact.name for fact in fields(cls) if fact.name not in facts and fact.name != "provenance"]:
            raise InputError(f"{where} lacks the facts {', '.join(missing)}; export it again.")
        read = replace(build(cls, facts, where), provenance=provenance)
        for part in ("front_end", "encoder", "decoder"):
            if unstated := sorted({*asdict(getattr(read, part))} - {*facts[part]}):
                raise InputError(f"{where} lacks the facts {', '.join(unstated)} of its {part}; export it again.")
        if samples != read.receptive_field_samples:
            raise InputError(
                f"{where} states a receptive field of {samples} samples, but its {read.encoder.receptive_field} frames "
                f"span {read.receptive_field_samples}; export it again."
            )
        return read


def read_entries(metadata: Mapping[str, str], where: str) -> dict[str, Any]:
    """Read emgtype's entries of an ONNX file's metadata, of whatever version.

    Raises:
        InputError: There are none, or they are not JSON.
    """
    facts: dict[str, Any] = {}
    for key, text in metadata.items():
        if key.startswith(PREFIX):
            try:
                facts[key.removeprefix(PREFIX)] = json.loads(text)
            except (ValueError, RecursionError):
                raise InputError(f"{where} has {key} = {text[:80]!r}, which is not JSON; export it again.") from None
    if not facts:
        raise InputError(f"{where} is an ONNX model without emgtype's facts; export it with `emgtype export`.")
    return facts


def _other_version(version: object, where: str) -> str:
    sentence = f"{where} states its facts in version {version!r} and this emgtype reads {VERSION}; "
    if version == OLDER_VERSION:
        return sentence + "bring the bundle up to date with `emgtype export --upgrade OLD --out NEW`."
    return sentence + "export it again, or use the emgtype that it was made for."
