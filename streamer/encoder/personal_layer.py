"""The personal layer: a linear map of spectrogram frames that fits one person to a model trained on others.

Source of the idea: the linear input network of Neto et al. 1995, "Speaker-adaptation for hybrid HMM-ANN continuous
speech recognition system" (Eurospeech). `training.personal.module.InputLayer` learns it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.errors import InputError
from messages.model_facts import BundleFacts

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PersonalLayer:
    """Frames in, as many adapted frames out; each frame by itself, so how they are cut cannot matter."""

    person: str
    mixing: FloatArray
    """(bands, electrodes, electrodes): each electrode of a band as a sum of all of them, the same in every bin."""
    scale: FloatArray
    """(bands, electrodes, bins)."""
    bias: FloatArray
    """(bands, electrodes, bins), in units of log10 power."""

    def require(self, facts: BundleFacts) -> None:
        """Raise InputError unless the layer fits a model's frames."""
        bands, electrodes, bins = facts.layout.bands, facts.layout.electrodes, facts.stft.bins
        expected = {
            "mixing": (bands, electrodes, electrodes),
            "scale": (bands, electrodes, bins),
            "bias": (bands, electrodes, bins),
        }
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise InputError(
                    f"the layer of {self.person} has {name} of shape {found}, but the model {facts.name} needs "
                    f"{shape}: personalise that model again"
                )

    def push(self, frames: FloatArray) -> FloatArray:
        """(F, bands, electrodes, bins) → the same, adapted."""
        # One product per frame and band, always of the same shape: bit-equal however many frames come at a time.
        adapted: FloatArray = self.scale * np.matmul(self.mixing, frames) + self.bias
        return adapted
