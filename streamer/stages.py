"""The seam: what every stage of the line offers, whichever kind of model it belongs to.

A front end makes frames of chunks, an encoder emissions of frames, a decoder events of emissions. Which ones a bundle
needs is chosen by its facts: `streamer.front_end.choice`, `streamer.encoder.choice`, `emgtype.models.decoders`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from messages.emission import Emission
from messages.signal import Chunk, Frames
from messages.text import TextEvent
from streamer.activity.idle_gate import IdleGate
from streamer.conditioning.corrections import Conditioner, Identity
from streamer.encoder.personal_layer import PersonalLayer

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
State = TypeVar("State")

Event = TextEvent
"""Union of what decoders say; today there is one kind."""

Observer = Callable[[str], AbstractContextManager[None]]
"""Wraps every stage's work: `with observer("encoder"): ...`, e.g. to time it."""


class Stage(Protocol[In_contra, Out_co, State]):
    """Takes items in pieces of any size; the output does not depend on how they were cut."""

    def push(self, item: In_contra, /) -> Out_co:
        """Return the output that this item completes."""
        ...

    def finish(self) -> Out_co:
        """Return the output that still waits; the stage is then as after `reset`."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...

    @property
    def state(self) -> State:
        """All that the stage remembers, as a named dataclass: read it to keep it, set it to go on from there."""
        ...

    @state.setter
    def state(self, state: State, /) -> None: ...


FrontEnd = Stage[Chunk, Frames, Any]


class FrameEncoder(Stage[Frames, Emission, Any], Protocol):
    """Frames in, emissions out."""

    @property
    def hop(self) -> int:
        """Frames per call of the model."""
        ...


class Decoder(Stage[Emission, list[Event], Any], Protocol):
    """Emissions in, events out."""

    @property
    def rejected(self) -> int:
        """Keys so far that were read and left out as too doubtful, over all resets."""
        ...


@dataclass(frozen=True, slots=True)
class NoState:
    """The state of a stage that remembers nothing."""


class NoDecoder:
    """Decodes nothing: for pipelines whose emissions are tapped."""

    def __init__(self) -> None:
        self.rejected = 0
        self.state = NoState()

    def push(self, _emission: Emission) -> list[Event]:
        """Return no event."""
        return []

    def finish(self) -> list[Event]:
        """Return no event."""
        return []

    def reset(self) -> None:
        """Forget nothing."""


def unobserved(_stage: str) -> AbstractContextManager[None]:
    """Observe nothing."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one line, in the order of the signal."""

    front_end: FrontEnd
    encoder: FrameEncoder
    decoder: Decoder
    conditioner: Conditioner = field(default_factory=Identity)
    """Corrects the samples before the front end."""
    personal: PersonalLayer | None = None
    """Fits the frames of one person to the model; None: nobody's."""
    gate: IdleGate | None = None
    """Makes emissions blank where nobody types, before the tap and the decoder; None: nothing does."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How a pipeline treats time and whom it lets look on."""

    max_gap: float | None = None
    """Seconds of missing samples beyond which the text is finished and the stages start anew, so that nothing is
    decoded across lost data; shorter gaps are masked. None: samples count as contiguous whatever their times say, and
    one that is not a finite number is an error."""
    decode_hop: int | None = None
    """Frames that the decoder gets at a time; None: the encoder's hop. Offline, an encoder takes long blocks, and the
    text is as it would come live."""
    history: float = 0.0
    """Seconds of samples kept after they were decoded, for `Pipeline.recent`."""
    observer: Observer = unobserved
    """Stage timing, by name: conditioner, spectrogram, encoder, decoder; gate and personal where there is one."""
