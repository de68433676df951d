"""The line a sample travels: ring, conditioner, front end, encoder, decoder. No I/O, no clock."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Chunk, Frames
from streamer.activity.idle_gate import IdleGate
from streamer.arrival.gaps import Gaps, GapsState
from streamer.arrival.ring import Ring, RingState
from streamer.encoder.personal_layer import PersonalLayer
from streamer.stages import Event, FrameEncoder, PipelineOptions, Stages

HISTORY = 2.0
"""Seconds of samples that a live pipeline keeps for a successor; the paper's model sees one second."""


@dataclass(frozen=True, slots=True)
class PipelineState:
    """All that a pipeline remembers between two pushes, stage by stage."""

    gaps: GapsState | None
    """None: samples count as contiguous."""
    ring: RingState
    started: bool
    """Whether a first block was taken since the last reset: the later ones are shorter."""
    until: float
    """Seconds: emissions up to then are somebody else's (see `Pipeline.warm`)."""
    conditioner: Any
    front_end: Any
    encoder: Any
    gate: Any
    """None: there is no gate."""
    decoder: Any


class Pipeline:
    """Samples in chunks of any size in, events out; the events do not depend on how the samples were cut.

    `push` is a loop over three verbs, which a group of pipelines calls by turns to ask one encoder together:

        pipeline.take(chunk)
        while (frames := pipeline.next_hop()) is not None:
            events += pipeline.decode(encoder.push(frames))
        events += pipeline.decode(None)

    The hop is the encoder's and holds for the run: the stages always get the same blocks, those that complete a hop.
    """

    def __init__(self, stages: Stages, facts: ModelFacts, options: PipelineOptions | None = None) -> None:
        """Join the stages of a model, which its facts describe."""
        options = options or PipelineOptions()
        self.facts = facts
        self.stages = stages
        front_end = facts.front_end
        self._first_block = front_end.samples(stages.encoder.hop)
        self._later_block = front_end.hop * stages.encoder.hop
        # Whole frames, so that a successor's frames end where this one's do.
        history = front_end.hop * round(options.history * facts.layout.rate / front_end.hop)
        self._ring = Ring(facts.layout, self._first_block, history)
        self._gaps = None if options.max_gap is None else Gaps(facts.layout, options.max_gap)
        self._decode_hop = options.decode_hop or stages.encoder.hop
        self._observe = options.observer
        self.tap: Callable[[Emission], None] | None = None
        """Sees every emission once, before the decoder; may be changed between two pushes."""
        self.personal = stages.personal
        self._block = self._first_block
        self._gap_count = 0
        self._masked_count = 0
        self.reset()

    @property
    def encoder(self) -> FrameEncoder:
        """Frames to emissions."""
        return self.stages.encoder

    @property
    def gate(self) -> IdleGate | None:
        """Closed where nobody types."""
        return self.stages.gate

    @property
    def personal(self) -> PersonalLayer | None:
        """The personal layer; may be changed between two pushes, and holds from the next hop on.

        The frames before it, as another layer left them, stay in the encoder's context until it has passed; `finish`
        before the change keeps the two people apart. Setting one that does not fit the model raises InputError.
        """
        return self._personal

    @personal.setter
    def personal(self, layer: PersonalLayer | None) -> None:
        if layer is not None:
            layer.require(self.facts)
        self._personal = layer

    def reset(self) -> None:
        """Forget the past without finishing it; the next emission comes when the receptive field is filled anew."""
        self._reset_signal()
        self._pending: deque[Chunk | None] = deque()
        self._events: list[Event] = []
        if self._gaps:
            self._gaps.reset()
        if self.gate:
            self.gate.reset()
        self.stages.decoder.reset()

    def push(self, chunk: Chunk) -> list[Event]:
        """Return the events of all hops that these samples complete.

        Raises:
            InputError: Another layout than the model's, or a sample that is not a finite number; nothing was taken.
        """
        self.take(chunk)
        events: list[Event] = []
        while (frames := self.next_hop()) is not None:
            events += self.decode(self._encode(frames))
        return events + self.decode(None)

    def take(self, chunk: Chunk) -> None:
        """Accept samples, whose hops `next_hop` then gives; errors as those of `push`."""
        self._require(chunk)
        self._pending.extend([chunk] if self._gaps is None else self._gaps.push(chunk))

    def next_hop(self) -> Frames | None:
        """Return the frames of the next complete hop; None: more samples are needed.

        Where data was missing for too long the text is finished on the way; `decode` returns its events first.
        """
        while True:
            if block := self._ring.pop(self._block):
                self._block = self._later_block
                return self._frames(block)
            if not self._pending:
                return None
            piece = self._pending.popleft()
            if piece is None:
                self._events = self._finish_signal()
                self._gap_count += 1
                continue
            fitting, rest = slice(0, self._ring.free), slice(self._ring.free, None)
            self._ring.push(Chunk(piece.samples[fitting], piece.times[fitting], piece.layout))
            if len(piece.times[rest]):
                self._pending.appendleft(Chunk(piece.samples[rest], piece.times[rest], piece.layout))

    def decode(self, emission: Emission | None) -> list[Event]:
        """Return the events that wait, and those of an emission; None: there is no further one."""
        events, self._events = self._events, []
        if emission is None:
            return events
        if self.gate:
            with self._observe("gate"):
                emission = self.gate.push(emission)
        if self._until > -np.inf:
            late = emission.times > self._until
            emission = Emission(emission.log_probs[late], emission.times[late])
        for first in range(0, len(emission.times), self._decode_hop):
            part = slice(first, first + self._decode_hop)
            hop = Emission(emission.log_probs[part], emission.times[part])
            if self.tap:
                self.tap(hop)
            with self._observe("decoder"):
                events += self.stages.decoder.push(hop)
        return events

    def finish(self) -> list[Event]:
        """Finish the text: the frames of an incomplete hop, and all keys; the signal's stages are as after `reset`."""
        events = self._finish_signal()
        if self._gaps:
            self._gaps.reset()
        return events

    def counts(self) -> dict[str, int]:
        """Count, over all resets, gaps, frames masked in some band, and keys read and left out as too doubtful."""
        return {"gaps": self._gap_count, "masked": self._masked_count, "rejected": self.stages.decoder.rejected}

    def recent(self) -> Chunk:
        """Return the last samples without a gap: as many as are kept, and those that wait for a whole hop."""
        return self._ring.recent()

    def warm(self, past: Chunk, until: float) -> list[Event]:
        """Push samples that fill the receptive field, right after a reset.

        Emissions of frames up to `until` (s) are not decoded: another pipeline has done that.
        """
        self._until = until
        return self.push(past)

    @property
    def state(self) -> PipelineState:
        """All that is remembered between two pushes; the same settings and model must stand behind one that is set."""
        gate, stages = self.gate, self.stages
        return PipelineState(
            gaps=self._gaps.state if self._gaps else None,
            ring=self._ring.state,
            started=self._block == self._later_block,
            until=self._until,
            conditioner=stages.conditioner.state,
            front_end=stages.front_end.state,
            encoder=stages.encoder.state,
            gate=gate.state if gate else None,
            decoder=stages.decoder.state,
        )

    @state.setter
    def state(self, state: PipelineState) -> None:
        self.reset()
        owners = {"gaps": self._gaps, "ring": self._ring, "gate": self.gate}
        for field in fields(state):
            if field.name in ("started", "until"):
                continue
            owner = owners[field.name] if field.name in owners else getattr(self.stages, field.name)
            part = getattr(state, field.name)
            if (owner is None) != (part is None):
                raise ValueError(f"the state of {field.name} is {part!r}, which does not fit this pipeline")
            if owner is not None:
                owner.state = part
        self._block = self._later_block if state.started else self._first_block
        self._until = state.until

    def _require(self, chunk: Chunk) -> None:
        self.facts.require(chunk.layout)
        # The encoder carries its context for ever: one NaN would silence it until the next reset.
        if self._gaps is None and not np.isfinite(chunk.samples).all():
            row = int(np.argmin(np.isfinite(chunk.samples).all(axis=(1, 2))))
            raise InputError(
                f"The sample at {chunk.times[row]:.3f} s holds a value that is not a finite number; expected "
                f"{chunk.layout} without such: mend the source."
            )

    def _finish_signal(self) -> list[Event]:
        """Return the events that wait and those of the end of the text; the signal's stages start anew."""
        waiting = len(self._ring)
        events: list[Event] = []
        if waiting and (rest := self._ring.pop(waiting)):
            events += self.decode(self._encode(self._frames(rest)))
        last_frames = self.stages.front_end.finish()
        if len(last_frames.times):
            events += self.decode(self._encode(last_frames))
        with self._observe("encoder"):
            emission = self.encoder.finish()
        events += self.decode(emission)
        with self._observe("decoder"):
            events += self.stages.decoder.finish()
        self._reset_signal()
        return events

    def _reset_signal(self) -> None:
        self._block = self._first_block
        self._until = -np.inf
        self._ring.reset()
        self.stages.conditioner.reset()
        self.stages.front_end.reset()
        self.encoder.reset()
        if self.gate:
            self.gate.finish()

    def _frames(self, block: Chunk) -> Frames:
        with self._observe("conditioner"):
            block = self.stages.conditioner.push(block)
        with self._observe("spectrogram"):
            frames = self.stages.front_end.push(block)
        self._masked_count += int(frames.missing.any(axis=-1).sum())
        if self.gate:
            self.gate.listen(frames)
        if self._personal is not None:
            with self._observe("personal"):
                frames = self._personal.push(frames)
        return frames

    def _encode(self, frames: Frames) -> Emission:
        with self._observe("encoder"):
            return self.encoder.push(frames)
