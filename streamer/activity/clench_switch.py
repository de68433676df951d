"""Both fists clenched for a while: a switch that needs neither hand on a key."""

import numpy as np

from messages.model_facts import ModelFacts
from messages.signal import Chunk
from streamer.activity.idle_gate import TYPING
from streamer.activity.loudness import Floor, Levels
from streamer.front_end.stft import Spectrogram


class ClenchSwitch:
    """Samples in, how often both fists have been clenched for long enough out; it goes on while decoding is paused.

    All bands must be as loud as the bursts of keys usually are, without a break of 0.1 s. Nothing is told before the
    hands have once rested.
    """

    def __init__(self, facts: ModelFacts, seconds: float) -> None:
        """`facts`: of the model whose samples come; `seconds`: how long."""
        self._spectrogram = Spectrogram(facts.front_end, facts.layout)
        self._levels = Levels(facts.front_end, facts.layout)
        self._floor = Floor(facts.front_end, facts.layout)
        self._wanted = max(1, round(seconds * facts.layout.rate / facts.front_end.hop))
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._floor.reset()
        self._break_off()

    def _break_off(self) -> None:
        """Samples are missing; what is known of the rest stays."""
        self._spectrogram.reset()
        self._levels.reset()
        self._clenched = 0  # frames so far

    def push(self, chunk: Chunk) -> int:
        """How many clenches became long enough with these samples; each is told once, however long it lasts."""
        if not np.isfinite(chunk.samples).all():
            self._break_off()
            return 0
        frames = self._spectrogram.push(chunk)
        if not len(frames.times):
            return 0
        loudness, told = self._levels.push(frames.values), 0
        columns = (loudness.swell, loudness.quiet, loudness.rest, loudness.steady)
        for swell, quiet, rest, steady in zip(*(column.tolist() for column in columns), strict=True):
            floor = self._floor.fall(quiet)
            loud = floor is not None and min(map(float.__sub__, swell, floor)) > TYPING
            self._floor.learn(rest, steady, loud)
            self._clenched = self._clenched + 1 if loud else 0
            told += self._clenched == self._wanted
        return told
