"""What a model says of itself: the facts that travel in the metadata of its ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from messages.errors import InputError
from messages.signal import Layout
from messages.tables import build

VERSION = 3
"""Of this list of facts and of the graph's inputs and outputs; raised when one is added or changes its meaning."""
OWN_LICENCE = "Apache-2.0"
"""Of emgtype and of models that owe nothing to others' weights."""
PREFIX = "emgtype."
"""Of every metadata key; the values are JSON."""

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class StftFacts:
    """What the short-time Fourier transform of a model was trained with; the defaults are emg2qwerty's."""

    window: int = 64
    """Samples of the periodic Hann window."""
    hop: int = 16
    """Samples from one frame to the next."""
    floor: float = 1e-6
    """Added to the power, in squared sample units, before the decimal logarithm."""

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

    def frames(self, samples: int) -> int:
        """Frames that so many samples give: no centring, no padding."""
        return max(0, (samples - self.window) // self.hop + 1)

    def samples(self, frames: int) -> int:
        """Samples that so many frames (at least 1) span."""
        return self.window + self.hop * (frames - 1)


@dataclass(frozen=True, slots=True)
class StateFacts:
    """One tensor that the encoder carries from hop to hop."""

    name: str
    """The graph's input; its output has this name with `_out`."""
    shape: tuple[int, ...]
    initial: str = "zeros"
    """What it holds before the first hop."""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """Every fact needed to feed a model and to read its emissions."""

    name: str
    licence: str
    """SPDX expression."""
    layout: Layout
    """Samples the model was trained on."""
    stft: StftFacts
    """Constants of the front end."""
    classes: tuple[str, ...]
    """The keys in label order, without the blank."""
    blank: int
    """Label of the CTC blank."""
    hop: int
    """Frames per call, unless the user wants another."""
    receptive_field: int
    """Frames that an emission sees at least, itself the newest; an LSTM or a rolling normalisation sees farther."""
    states: tuple[StateFacts, ...]
    family: str = "tds"
    """Kind of encoder: tds, spatial_tds, spatial_lstm, split_share. For people: what to do, the other facts say."""
    streams: bool = True
    """False: every emission sees the whole recording, as a bidirectional LSTM's do."""
    look_ahead: int = 0
    """Frames that an emission sees beyond its own time."""
    precision: Precision = "fp32"
    """Of the dense layers' weights."""
    emission_delay_ms: float | None = None
    """Median from key press to emission, measured on held-out sessions; None: not measured."""
    front_end: str = "stft"
    decoder: str = "ctc"
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the weights come from: data, command, date, seeds."""
    version: int = VERSION

    def __post_init__(self) -> None:
        # Only what this daemon can run: another kind of model needs another daemon, not a wrong result.
        for fact, expected in (("version", VERSION), ("front_end", "stft"), ("decoder", "ctc"), ("look_ahead", 0)):
            if (found := getattr(self, fact)) != expected:
                raise InputError(
                    f"The model {self.name} states {fact} {found!r} and this emgtype runs {expected!r}; export "
                    "the model again, or use the emgtype that it was made for."
                )
        if self.blank != len(self.classes):
            raise InputError(
                f"The model {self.name} puts the blank at {self.blank} and has {len(self.classes)} keys; expected the "
                "blank last: export it again."
            )
        if not self.streams and self.states:
            raise InputError(
                f"The model {self.name} states that it takes a whole recording at once and that it carries states; "
                "export it again."
            )
        if strange := [state.name for state in self.states if state.initial != "zeros"]:
            raise InputError(
                f"The model {self.name} wants the states {', '.join(strange)} to start from something else than zeros, "
                "which this emgtype does not know; export it again."
            )

    @property
    def receptive_field_samples(self) -> int:
        """Samples that one emission sees."""
        return self.stft.samples(self.receptive_field)

    @property
    def licence_note(self) -> str | None:
        """What users should be told of the weights' licence; None where it is emgtype's own."""
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
        if not self.streams:
            raise InputError(
                f"The model {self.name} ({self.family}) looks at a recording from both ends and cannot decode live; "
                "replay a session with it, or use a bundle of a causal encoder."
            )

    def to_metadata(self) -> dict[str, str]:
        """One entry per fact; for readers without this code also the receptive field in samples."""
        facts = {**asdict(self), "receptive_field_samples": self.receptive_field_samples}
        return {PREFIX + name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> "BundleFacts":
        """Inverse of `to_metadata`; entries of others are passed over.

        Args:
            metadata: What the ONNX file holds.
            where: The bundle, for messages.

        Raises:
            InputError: No facts, facts missing or unreadable, or such as this emgtype cannot run.
        """
        facts: dict[str, Any] = {}
        for key, text in metadata.items():
            if key.startswith(PREFIX):
                try:
                    facts[key.removeprefix(PREFIX)] = json.loads(text)
                except (ValueError, RecursionError):
                    raise InputError(
                        f"{where} has {key} = {text[:80]!r}, which is not JSON; export it again."
                    ) from None
        if not facts:
            raise InputError(f"{where} is an ONNX model without emgtype's facts; export it with `emgtype export`.")
        if facts.get("version") != VERSION:
            raise InputError(
                f"{where} states its facts in version {facts.get('version')!r} and this emgtype reads {VERSION}; "
                "export it again, or use the emgtype that it was made for."
            )
        samples, provenance = facts.pop("receptive_field_samples", None), facts.pop("provenance", None)
        if not isinstance(provenance, dict):
            raise InputError(f"{where} has {provenance!r} as its provenance, expected a table; export it again.")
        if missing := [fact.name for fact in fields(cls) if fact.name not in facts and fact.name != "provenance"]:
            raise InputError(f"{where} lacks the facts {', '.join(missing)}; export it again.")
        read = replace(build(cls, facts, where), provenance=provenance)
        if samples != read.receptive_field_samples:
            raise InputError(
                f"{where} states a receptive field of {samples} samples, but its {read.receptive_field} frames span "
                f"{read.receptive_field_samples}; export it again."
            )
        return read
