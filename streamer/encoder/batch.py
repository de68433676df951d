"""One ONNX session for several streams: their frames and carried states in, log-probabilities and new states out."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import F32
from streamer.encoder.onnx_file import (
    FRAMES,
    HOP,
    LOG_PROBS,
    STREAMS,
    check_graph,
    load_session,
    read_facts,
    single_threaded,
    state_output,
)


class EncoderBatch:
    """An ONNX session, and the states of all streams that share it; an `OnnxEncoder` is one stream.

    A call reads the weights once, however many streams it serves: that makes people cheap who are decoded together.
    """

    def __init__(self, model: str, hop: int | None = None, streams: int = 1, facts: ModelFacts | None = None) -> None:
        """Load and warm up.

        Args:
            model: Path of the ONNX file.
            hop: Frames per stream and call; None: the model's own.
            streams: Number of people.
            facts: The model's facts, if they were read before.

        Raises:
            InputError: Not a model, facts missing or not of this emgtype, a graph that belies them, or a model that
                needs the whole recording (streamer.encoder.whole runs those).
        """
        self.facts = facts or read_facts(model)
        self.facts.require_streaming()
        self.hop = self.facts.encoder.hop if hop is None else hop
        if self.hop < 1:
            raise InputError(f"The hop is {self.hop} frames; expected at least 1.")
        self.streams = streams
        options = single_threaded()
        # Fixed shapes: with free ones onnxruntime keeps a cache that grows.
        options.add_free_dimension_override_by_name(HOP, self.hop)
        if streams == 1:
            options.add_free_dimension_override_by_name(STREAMS, streams)
        self._session = load_session(model, options)
        shapes = check_graph(model, self._session, self.facts, self.hop, streams)
        self._frames = np.zeros(shapes[FRAMES], np.float32)
        self._log_probs = np.zeros(shapes[LOG_PROBS], np.float32)
        # Two sets of states: a call reads one and writes the other, then they change places.
        self._states = (self._new_states(), self._new_states())
        one, other = self._states
        self._turn = 0
        self._together = [self._bind(one, other), self._bind(other, one)]
        self._packed = (self._new_states(), self._new_states())
        self._apart = [self._bind(*self._packed, count) for count in range(1, streams)]
        for binding in (*self._together, *self._apart):
            # The first calls allocate; no sample should wait for that.
            self._session.run_with_iobinding(binding)
        for stream in range(streams):
            self.clear(stream)

    def clear(self, stream: int) -> None:
        """Set the states of a stream to their initial values."""
        for states in self._states:
            for state in states:
                state[stream] = 0

    def state(self, stream: int) -> list[F32]:
        """Return a copy of the states of a stream, for `restore`."""
        return [state[stream].copy() for state in self._states[self._turn]]

    def restore(self, stream: int, states: Sequence[F32]) -> None:
        """Have a stream go on from these states; raises ValueError if they are of another model."""
        for state, value in zip(self._states[self._turn], states, strict=True):
            state[stream] = value

    def run(self, streams: Sequence[int], hops: Sequence[F32]) -> F32:
        """Encode one hop of some streams.

        Args:
            streams: Numbers of the streams, rising.
            hops: Frames (hop, bands, electrodes, bins) of each.

        Returns:
            (len(streams), hop, classes) log-probabilities; overwritten by the next call.
        """
        for row, frames in enumerate(hops):
            self._frames[row] = frames
        if len(streams) == self.streams:
            self._session.run_with_iobinding(self._together[self._turn])
            self._turn = 1 - self._turn
        else:  # the states of the others stay
            chosen = list(streams)
            before, after = self._packed
            for state, packed in zip(self._states[self._turn], before, strict=True):
                packed[: len(chosen)] = state[chosen]
            self._session.run_with_iobinding(self._apart[len(chosen) - 1])
            for state, packed in zip(self._states[self._turn], after, strict=True):
                state[chosen] = packed[: len(chosen)]
        return self._log_probs[: len(streams)]

    def _new_states(self) -> list[F32]:
        return [np.zeros((self.streams, *state.shape), np.float32) for state in self.facts.encoder.states]

    def _bind(self, before: list[F32], after: list[F32], count: int | None = None) -> ort.IOBinding:
        binding = self._session.io_binding()
        names = [state.name for state in self.facts.encoder.states]
        inputs = dict(zip([FRAMES, *names], [self._frames, *before], strict=True))
        outputs = dict(zip([LOG_PROBS, *map(state_output, names)], [self._log_probs, *after], strict=True))
        for bind, arrays in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
            for name, array in arrays.items():
                part = array[:count]
                bind(name, "cpu", 0, np.float32, part.shape, part.ctypes.data)
        return binding
