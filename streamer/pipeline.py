"""The line a sample travels: ring, conditioner, spectrogram, encoder, decoder. No I/O, no clock."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np
import numpy.typing as npt

from messages.emission import Emission
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from streamer._ring import Ring
from streamer.activity.idle_gate import IdleGate
from streamer.arrival.gaps import FrameMask, Gaps
from streamer.conditioning.corrections import Conditioner, Identity
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.whole import FrameEncoder
from streamer.front_end.stft import Spectrogram

Hop = tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]
"""Frames (hop, bands, electrodes, bins) and their times, for one call of the encoder."""

HISTORY = 2.0
"""Seconds of samples that a live pipeline keeps for a successor; the paper's model sees one second."""

Observer = Callable[[str], AbstractContextManager[None]]
"""Wraps every stage's work: `with observer("encoder"): ...`, e.g. to time it."""


class EmissionDecoder(Protocol):
    """Emissions in, edits of the key sequence out."""

    def push(self, emission: Emission) -> TextEvent | None:
        """The edit that these frames (at least one) make; None: none."""
        ...

    def finish(self) -> TextEvent | None:
        """Make all keys so far final; None: they were."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...


def unobserved(_stage: str) -> AbstractContextManager[None]:
    """An observer that looks away."""
    return nullcontext()


class Pipeline:
    """Samples in chunks of any size in, text events out; what comes out does not depend on how the samples were cut.

    The hop is the encoder's and holds for the run: the stages always get the same blocks, those that complete a hop.
    """

    def __init__(
        self,
        encoder: FrameEncoder,
        decoder: EmissionDecoder,
        conditioner: Conditioner | None = None,
        observer: Observer = unobserved,
        tap: Callable[[Emission], None] | None = None,
        max_gap: float | None = None,
        personal: PersonalLayer | None = None,
        decode_hop: int | None = None,
        history: float = 0.0,
        gate: IdleGate | None = None,
    ) -> None:
        """Join the stages.

        Args:
            encoder: Its facts say what samples to expect and how the spectrogram is made.
            decoder: Gets every emission.
            conditioner: Corrections of the signal; None: none.
            observer: Stage timing, by name: conditioner, spectrogram, encoder, decoder; gate and personal where
                there is one.
            tap: Sees every emission once, before the decoder.
            max_gap: Seconds of missing samples beyond which the text is settled and the stages start anew, so that
                nothing is decoded across lost data; frames with fewer missing are masked. None: samples count as
                contiguous whatever their times say, and one that is not a finite number is an error.
            personal: Fits the model to one person; None: nobody.
            decode_hop: Frames that the decoder gets at a time; None: the encoder's hop. Offline, an encoder takes long
                blocks, and the text is as it would come live.
            history: Seconds of samples kept after they were decoded, for `recent`.
            gate: Makes emissions blank where nobody types, before the tap and the decoder; None: nothing does.
        """
        facts = encoder.facts
        self.facts = facts
        self._first_block = facts.stft.samples(encoder.hop)
        self._later_block = facts.stft.hop * encoder.hop
        self._block = self._first_block  # samples that complete the next hop
        # Whole frames, so that a successor's frames end where this one's do.
        kept = facts.stft.hop * round(history * facts.layout.rate / facts.stft.hop)
        self._ring = Ring(facts.layout, self._first_block, kept)
        self._conditioner = conditioner or Identity()
        self._spectrogram = Spectrogram(facts.stft)
        self.encoder = encoder
        """Frames to emissions."""
        self._decode_hop = decode_hop or encoder.hop
        self._decoder = decoder
        self._observe = observer
        self.tap = tap
        """Sees every emission once; may be changed between two pushes."""
        self._gaps = None if max_gap is None else Gaps(facts.layout, max_gap)
        self._mask = FrameMask(facts.stft)
        self.gate = gate
        """Closed where nobody types."""
        self.personal = personal
        self.gaps = 0
        """How often data was missing for longer than `max_gap`."""
        self.reset()

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
        """Forget the past without settling it; the next emission comes when the receptive field is filled anew."""
        self._reset_signal()
        if self._gaps:
            self._gaps.reset()
        if self.gate:
            self.gate.reset()
        self._decoder.reset()

    def push(self, chunk: Chunk) -> list[TextEvent]:
        """Events of all hops that these samples complete.

        Raises:
            InputError: Another layout than the model's, or a sample that is not a finite number; nothing was taken.
        """
        steps = self.steps(chunk)
        try:
            hop = next(steps)
            while True:
                hop = steps.send(self._encode(hop))
        except StopIteration as done:
            events: list[TextEvent] = done.value
            return events

    def steps(self, chunk: Chunk) -> Generator[Hop, Emission, list[TextEvent]]:
        """`push` without its encoder: gives a hop of frames, wants what the encoder says to them, and so on.

        So that several pipelines can ask an encoder together (streamer.group). It must be run to its end.
        """
        self.require(chunk)
        events: list[TextEvent] = []
        for piece in [chunk] if self._gaps is None else self._gaps.push(chunk):
            if piece is None:
                events += self._settle()
                self.gaps += 1
            else:
                events += yield from self._take(piece)
        return events

    def require(self, chunk: Chunk) -> None:
        """Raise InputError for samples that are not the model's, or not finite numbers where nobody masks them."""
        self.facts.require(chunk.layout)
        # The encoder carries its context for ever: one NaN would silence it until the next reset.
        if self._gaps is None and not np.isfinite(chunk.samples).all():
            row = int(np.argmin(np.isfinite(chunk.samples).all(axis=(1, 2))))
            raise InputError(
                f"The sample at {chunk.times[row]:.3f} s holds a value that is not a finite number; expected "
                f"{chunk.layout} without such: mend the source."
            )

    def _take(self, chunk: Chunk) -> Generator[Hop, Emission, list[TextEvent]]:
        events: list[TextEvent] = []
        start = 0
        while start < len(chunk.times):
            part = slice(start, min(len(chunk.times), start + self._ring.free))
            self._ring.push(Chunk(chunk.samples[part], chunk.times[part], chunk.layout))
            start = part.stop
            while block := self._ring.pop(self._block):
                self._block = self._later_block
                emission = yield self._frames(block)
                events += self._decode(emission)
        return events

    def finish(self) -> list[TextEvent]:
        """Settle the tail: the frames of an incomplete hop, and all keys; the signal's stages are as after `reset`."""
        events = self._settle()
        if self._gaps:
            self._gaps.reset()
        return events

    @property
    def masked(self) -> int:
        """Frames so far that were masked in some band, since samples of their window are missing."""
        return self._mask.masked

    @property
    def rejected(self) -> int:
        """Keys so far that were heard and not believed; decoders without a commit rule believe all."""
        return int(getattr(self._decoder, "rejected", 0))

    def _settle(self) -> list[TextEvent]:
        waiting = len(self._ring)
        events: list[TextEvent] = []
        if waiting and (rest := self._ring.pop(waiting)):
            events += self._decode(self._encode(self._frames(rest)))
        with self._observe("encoder"):
            emission = self.encoder.finish()
        events += self._decode(emission)
        with self._observe("decoder"):
            last = self._decoder.finish()
        self._reset_signal()
        return [*events, last] if last else events

    def recent(self) -> Chunk:
        """The last samples without a gap: as many as are kept, and those that wait for a whole hop."""
        return self._ring.recent()

    def warm(self, past: Chunk, until: float) -> list[TextEvent]:
        """`push` samples that fill the receptive field: what frames up to `until` (s) say is decoded by somebody else.

        To be called after a reset.
        """
        self._until = until
        return self.push(past)

    def _reset_signal(self) -> None:
        self._block = self._first_block
        self._until = -np.inf
        self._ring.reset()
        self._mask.reset()
        self._conditioner.reset()
        self._spectrogram.reset()
        self.encoder.reset()
        if self.gate:
            self.gate.finish()

    def _frames(self, block: Chunk) -> Hop:
        block = Chunk(self._mask.push(block.samples), block.times, block.layout)
        with self._observe("conditioner"):
            block = self._conditioner.push(block)
        with self._observe("spectrogram"):
            frames, times = self._spectrogram.push(block.samples, block.times)
        if self.gate:
            self.gate.listen(self._mask.held(frames))
        if self._personal is not None:
            with self._observe("personal"):
                frames = self._personal.push(frames)
        return self._mask.hide(frames), times

    def _encode(self, hop: Hop) -> Emission:
        with self._observe("encoder"):
            return self.encoder.push(*hop)

    def _decode(self, emission: Emission) -> list[TextEvent]:
        events: list[TextEvent] = []
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
                event = self._decoder.push(hop)
            events += [event] if event else []
        return events
