"""The neural encoder: frames in, emissions out, with the context carried from hop to hop."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from messages.emission import Emission
from messages.model_facts import BundleFacts
from streamer.encoder.batch import EncoderBatch, FloatArray


class OnnxEncoder:
    """Frames in, emissions out, a fixed number of frames per call of the graph.

    The first emissions, whose receptive field is not filled yet, are withheld: N samples since the start or the last
    reset give facts.stft.frames(N) - receptive_field + 1 emissions in all.
    """

    def __init__(self, batch: EncoderBatch, stream: int = 0) -> None:
        """One stream of a batch."""
        self.batch = batch
        self.stream = stream
        self.facts = batch.facts
        self.hop = batch.hop
        layout = self.facts.layout
        self._frames = np.zeros((self.hop, layout.bands, layout.electrodes, self.facts.stft.bins), np.float32)
        self._times = np.zeros(self.hop)
        self.reset()

    @classmethod
    def load(cls, model: str, hop: int | None = None, facts: BundleFacts | None = None) -> "OnnxEncoder":
        """One stream with a session of its own (arguments and errors as EncoderBatch's)."""
        return cls(EncoderBatch(model, hop, facts=facts))

    def reset(self) -> None:
        """Forget the past: states to their initial values, no frame waiting, the next emissions withheld."""
        self.batch.clear(self.stream)
        self._filled = 0
        self._withheld = self.facts.receptive_field - 1

    def push(self, frames: FloatArray, times: npt.NDArray[np.float64]) -> Emission:
        """Emissions of all hops that these frames complete; a remainder shorter than a hop waits.

        Args:
            frames: (F, bands, electrodes, bins), as `Spectrogram.push` gives them.
            times: (F,) seconds.
        """
        emissions = []
        taken = 0
        while taken < len(frames):
            count = min(self.hop - self._filled, len(frames) - taken)
            self._frames[self._filled : self._filled + count] = frames[taken : taken + count]
            self._times[self._filled : self._filled + count] = times[taken : taken + count]
            taken += count
            self._filled += count
            if self._filled == self.hop:
                emissions.append(self._run())
        return self._joined(emissions)

    def finish(self) -> Emission:
        """Emissions of the frames that wait for a whole hop; afterwards the encoder is as after `reset`."""
        # Causal, so what fills the block up cannot reach the rows that are kept.
        emissions = [self._run()] if self._filled else []
        self.reset()
        return self._joined(emissions)

    def _run(self) -> Emission:
        (log_probs,) = self.batch.run([self.stream], [self._frames])
        count, self._filled = self._filled, 0
        return self._kept(log_probs[:count], self._times[:count])

    def _kept(self, log_probs: FloatArray, times: npt.NDArray[np.float64]) -> Emission:
        drop = min(self._withheld, len(times))
        self._withheld -= drop
        return Emission(log_probs[drop:].copy(), times[drop:].copy())

    def _joined(self, emissions: list[Emission]) -> Emission:
        if len(emissions) == 1:
            return emissions[0]
        nothing = Emission(np.empty((0, len(self.facts.classes) + 1), np.float32), np.empty(0))
        log_probs, times = zip(*((e.log_probs, e.times) for e in [nothing, *emissions]), strict=True)
        return Emission(np.concatenate(log_probs), np.concatenate(times))


def push_together(
    encoders: Sequence[OnnxEncoder], hops: Sequence[tuple[FloatArray, npt.NDArray[np.float64]]]
) -> list[Emission]:
    """What `push` gives each of several streams of one batch, whose stream numbers rise, in one call of the graph.

    Args:
        encoders: None of them with a frame waiting.
        hops: Frames and times of exactly one hop for each.
    """
    log_probs = encoders[0].batch.run([encoder.stream for encoder in encoders], [frames for frames, _ in hops])
    return [encoder._kept(rows, times) for encoder, rows, (_, times) in zip(encoders, log_probs, hops, strict=True)]
