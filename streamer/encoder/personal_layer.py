"""The personal layer: a linear map of spectrogram frames that fits one person to a model of others.

Source of the idea: the linear input network of Neto et al. 1995, "Speaker-adaptation for hybrid HMM-ANN continuous
speech recognition system" (Eurospeech). `training.personal.module.InputLayer` learns it.
"""

from dataclasses import dataclass, replace

import numpy as np

from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import F32, Frames


@dataclass(frozen=True, slots=True)
class PersonalLayer:
    """Frames in, as many adapted frames out; each frame by itself, so how they are cut cannot matter."""

    person: str
    mixing: F32
    """(bands, electrodes, electrodes): each electrode of a band as a weighted sum of all, the same in every bin."""
    scale: F32
    """(bands, electrodes, bins)."""
    bias: F32
    """(bands, electrodes, bins), in units of log10 power."""

    def require(self, facts: ModelFacts) -> None:
        """Raise InputError unless the layer fits a model's frames."""
        bands, electrodes, bins = facts.front_end.shape(facts.layout)
        expected = {
            "mixing": (bands, electrodes, electrodes),
            "scale": (bands, electrodes, bins),
            "bias": (bands, electrodes, bins),
        }
        for name, shape in expected.items():
            actual = getattr(self, name).shape
            if actual != shape:
                raise InputError(
                    f"the layer of {self.person} has {name} of shape {actual}, but the model {facts.name} needs "
                    f"{shape}: personalise that model again"
                )

    def push(self, frames: Frames) -> Frames:
        """Return the frames adapted to the person."""
        return replace(frames, values=self.adapted(frames.values))

    def adapted(self, values: F32) -> F32:
        """Return the values (F, bands, electrodes, bins) of frames, adapted to the person."""
        # One product per frame and band, always of the same shape: bit-equal however many frames come at a time.
        adapted: F32 = self.scale * np.matmul(self.mixing, values) + self.bias
        return adapted
