"""Encoders that need the whole recording, and the choice of an encoder by a model's facts."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import BundleFacts
from streamer.encoder.onnx_file import FRAMES, LOG_PROBS, check_graph, load_session, read_facts, single_threaded
from streamer.encoder.stream import OnnxEncoder

CAPACITY = 450_000
"""Frames kept, an hour at 125 a second. While the graph runs each takes about 20 kB at the sizes of the paper."""


class FrameEncoder(Protocol):
    """Frames in, emissions out."""

    @property
    def facts(self) -> BundleFacts:
        """What the model says of itself."""

    @property
    def hop(self) -> int:
        """Frames per call of the graph."""

    def push(self, frames: npt.NDArray[np.float32], times: npt.NDArray[np.float64]) -> Emission:
        """Emissions that these frames complete."""

    def finish(self) -> Emission:
        """Emissions of the frames that wait; afterwards the encoder is as after `reset`."""

    def reset(self) -> None:
        """Forget the past."""


class WholeEncoder:
    """Keeps all frames until `finish` and encodes them in one call: for models that do not stream."""

    def __init__(self, model: str, hop: int | None = None, facts: BundleFacts | None = None) -> None:
        """Load (arguments and errors as EncoderBatch's; the hop is only how the pipeline cuts its blocks)."""
        self.facts = facts or read_facts(model)
        self.hop = self.facts.hop if hop is None else hop
        if self.hop < 1:
            raise InputError(f"The hop is {self.hop} frames; expected at least 1.")
        options = single_threaded()
        options.enable_cpu_mem_arena = False  # what one recording took is given back before the next
        self._session = load_session(model, options)
        check_graph(model, self._session, self.facts, self.hop)
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        facts = self.facts
        self._frames = [np.empty((0, facts.layout.bands, facts.layout.electrodes, facts.stft.bins), np.float32)]
        self._times = [np.empty(0)]
        self._kept = 0

    def push(self, frames: npt.NDArray[np.float32], times: npt.NDArray[np.float64]) -> Emission:
        """Keep the frames; no emission yet.

        Raises:
            InputError: More frames than fit (CAPACITY); nothing was taken.
        """
        if self._kept + len(frames) > CAPACITY:
            raise InputError(
                f"The recording goes on beyond {CAPACITY} frames, more than {self.facts.name} can take at once; cut "
                "it, or use a bundle of a causal encoder."
            )
        self._frames.append(frames)
        self._times.append(times)
        self._kept += len(frames)
        return self._nothing()

    def finish(self) -> Emission:
        """All emissions since the last reset; afterwards the encoder is as after `reset`."""
        frames, times = np.concatenate(self._frames), np.concatenate(self._times)
        context = self.facts.receptive_field - 1
        self.reset()
        if len(times) <= context:
            return self._nothing()
        (log_probs,) = self._session.run([LOG_PROBS], {FRAMES: frames[None]})[0]
        return Emission(log_probs[context:], times[context:])

    def _nothing(self) -> Emission:
        return Emission(np.empty((0, len(self.facts.classes) + 1), np.float32), np.empty(0))


def open_encoder(model: str, hop: int | None = None, facts: BundleFacts | None = None) -> FrameEncoder:
    """The encoder that a model's facts ask for (arguments and errors as EncoderBatch's)."""
    facts = facts or read_facts(model)
    return OnnxEncoder.load(model, hop, facts) if facts.streams else WholeEncoder(model, hop, facts)
