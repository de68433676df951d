"""The neural encoder: frames in, emissions out, with the context carried from hop to hop."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from messages.emission import Emission
from messages.model_facts import ModelFacts
from messages.signal import F32, F64, Frames
from streamer.encoder.batch import EncoderBatch


@dataclass(frozen=True, slots=True)
class StreamState:
    """The context of one stream of a batch."""

    tensors: tuple[F32, ...]
    """The graph's state tensors, in the order of the model's facts."""
    frames: F32
    """(F, bands, electrodes, ...): frames that wait for a whole hop."""
    times: F64
    """(F,) seconds: theirs."""
    withheld: int
    """Emissions to come that are withheld, since their receptive field is not filled."""


class OnnxEncoder:
    """Frames in, emissions out, a fixed number of frames per call of the graph.

    The first emissions, whose receptive field is not filled yet, are withheld: N samples since the start or the last
    reset give front_end.frames(N) - receptive_field + 1 emissions in all. Missing frames are encoded as 0.
    """

    def __init__(self, batch: EncoderBatch, stream: int = 0) -> None:
        """Take one stream of a batch."""
        self.batch = batch
        self.stream = stream
        self.facts = batch.facts
        self.hop = batch.hop
        self._frames = np.zeros((self.hop, *self.facts.front_end.shape(self.facts.layout)), np.float32)
        self._times = np.zeros(self.hop)
        self.reset()

    @classmethod
    def load(cls, model: str, hop: int | None = None, facts: ModelFacts | None = None) -> "OnnxEncoder":
        """Load one stream with a session of its own (arguments and errors as EncoderBatch's)."""
        return cls(EncoderBatch(model, hop, facts=facts))

    def reset(self) -> None:
        """Forget the past: states to their initial values, no frame waiting, the next emissions withheld."""
        self.batch.clear(self.stream)
        self._filled = 0
        self._withheld = self.facts.encoder.receptive_field - 1

    @property
    def state(self) -> StreamState:
        """The context; ValueError where one of another model is set."""
        waiting = slice(0, self._filled)
        tensors = tuple(self.batch.state(self.stream))
        return StreamState(tensors, self._frames[waiting].copy(), self._times[waiting].copy(), self._withheld)

    @state.setter
    def state(self, state: StreamState) -> None:
        self.batch.restore(self.stream, state.tensors)
        self._filled = len(state.times)
        self._frames[: self._filled] = state.frames
        self._times[: self._filled] = state.times
        self._withheld = state.withheld

    def push(self, frames: Frames) -> Emission:
        """Return the emissions of all hops that these frames complete; a remainder shorter than a hop waits."""
        values = frames.masked()
        emissions = []
        taken = 0
        while taken < len(values):
            count = min(self.hop - self._filled, len(values) - taken)
            self._frames[self._filled : self._filled + count] = values[taken : taken + count]
            self._times[self._filled : self._filled + count] = frames.times[taken : taken + count]
            taken += count
            self._filled += count
            if self._filled == self.hop:
                emissions.append(self._run())
        return self._joined(emissions)

    def finish(self) -> Emission:
        """Return the emissions of the frames that wait for a whole hop; the encoder is then as after `reset`."""
        # Causal, so what fills the block up cannot reach the rows that are kept.
        emissions = [self._run()] if self._filled else []
        self.reset()
        return self._joined(emissions)

    def _run(self) -> Emission:
        (log_probs,) = self.batch.run([self.stream], [self._frames])
        count, self._filled = self._filled, 0
        return self._without_context(log_probs[:count], self._times[:count])

    def _without_context(self, log_probs: F32, times: F64) -> Emission:
        """Leave out the emissions whose receptive field is not filled yet."""
        drop = min(self._withheld, len(times))
        self._withheld -= drop
        return Emission(log_probs[drop:].copy(), times[drop:].copy())

    def _joined(self, emissions: list[Emission]) -> Emission:
        if len(emissions) == 1:
            return emissions[0]
        nothing = Emission(np.empty((0, self.facts.decoder.outputs), np.float32), np.empty(0))
        log_probs, times = zip(*((e.log_probs, e.times) for e in [nothing, *emissions]), strict=True)
        return Emission(np.concatenate(log_probs), np.concatenate(times))


def push_together(encoders: Sequence[OnnxEncoder], hops: Sequence[Frames]) -> list[Emission]:
    """Push one hop into each of several streams of one batch, in one call of the graph.

    Args:
        encoders: In the order of their streams, none of them with a frame waiting.
        hops: Exactly one hop of frames for each.

    Returns:
        For each what its `push` would have returned.
    """
    log_probs = encoders[0].batch.run([encoder.stream for encoder in encoders], [hop.masked() for hop in hops])
    return [
        encoder._without_context(rows, hop.times) for encoder, rows, hop in zip(encoders, log_probs, hops, strict=True)
    ]
