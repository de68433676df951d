"""Encoders that need the whole recording."""

from dataclasses import dataclass

import numpy as np

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import F32, F64, Frames
from streamer.encoder.onnx_file import FRAMES, LOG_PROBS, check_graph, load_session, read_facts, single_threaded

CAPACITY = 450_000
"""Frames kept, an hour at 125 a second. While the graph runs each takes about 20 kB at the sizes of the paper."""


@dataclass(frozen=True, slots=True)
class WholeState:
    """All frames since the last reset."""

    frames: F32
    """(F, bands, electrodes, ...), missing ones 0."""
    times: F64
    """(F,) seconds."""


class WholeEncoder:
    """Keeps all frames until `finish` and encodes them in one call: for models that do not stream."""

    def __init__(self, model: str, hop: int | None = None, facts: ModelFacts | None = None) -> None:
        """Load (arguments and errors as EncoderBatch's; the hop is only how the pipeline cuts its blocks)."""
        self.facts = facts or read_facts(model)
        self.hop = self.facts.encoder.hop if hop is None else hop
        if self.hop < 1:
            raise InputError(f"The hop is {self.hop} frames; expected at least 1.")
        options = single_threaded()
        # The memory that one recording took is given back before the next.
        options.enable_cpu_mem_arena = False
        self._session = load_session(model, options)
        check_graph(model, self._session, self.facts, self.hop)
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        shape = self.facts.front_end.shape(self.facts.layout)
        self._frames = [np.empty((0, *shape), np.float32)]
        self._times = [np.empty(0)]
        self._count = 0

    @property
    def state(self) -> WholeState:
        """All frames since the last reset."""
        return WholeState(np.concatenate(self._frames), np.concatenate(self._times))

    @state.setter
    def state(self, state: WholeState) -> None:
        self._frames, self._times, self._count = [state.frames.copy()], [state.times.copy()], len(state.times)

    def push(self, frames: Frames) -> Emission:
        """Keep the frames; no emission comes before `finish`.

        Raises:
            InputError: More frames than fit (CAPACITY); nothing was taken.
        """
        if self._count + len(frames.times) > CAPACITY:
            raise InputError(
                f"The recording goes on beyond {CAPACITY} frames, more than {self.facts.name} can take at once; cut "
                "it, or use a bundle of a causal encoder."
            )
        self._frames.append(frames.masked())
        self._times.append(frames.times)
        self._count += len(frames.times)
        return self._nothing()

    def finish(self) -> Emission:
        """Return all emissions since the last reset; the encoder is then as after `reset`."""
        frames, times = np.concatenate(self._frames), np.concatenate(self._times)
        context = self.facts.encoder.receptive_field - 1
        self.reset()
        if len(times) <= context:
            return self._nothing()
        (log_probs,) = self._session.run([LOG_PROBS], {FRAMES: frames[None]})[0]
        return Emission(log_probs[context:], times[context:])

    def _nothing(self) -> Emission:
        return Emission(np.empty((0, self.facts.decoder.outputs), np.float32), np.empty(0))
