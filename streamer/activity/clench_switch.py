"""The clench switch: both fists clenched for a while pause and resume decoding, without a hand on a key.

Its rules are simpler than those of the idle gate: a frame belongs to a clench if the newest 120 ms of the quietest
band are louder than an unknown wearer's keystroke, `TYPING_DB` above the floor. As many such frames as the requested
duration holds, without a break, are one clench. There is none before the hands have rested: there is no floor yet.
"""

from dataclasses import dataclass

import numpy as np

from messages.model_facts import ModelFacts
from messages.signal import Chunk
from streamer.activity.idle_gate import TYPING_DB
from streamer.activity.loudness import Floor, FloorState, LoudnessMeter, LoudnessState, quietest
from streamer.front_end.stft import Spectrogram, SpectrogramState


@dataclass(frozen=True, slots=True, eq=False)
class ClenchSwitchState:
    """What a `ClenchSwitch` remembers."""

    spectrogram: SpectrogramState
    loudness: LoudnessState
    floor: FloorState
    clench_frames: int
    """Length of the clench that goes on now."""


class ClenchSwitch:
    """Counts the clenches of both fists in a signal that it sees all the time, while decoding is paused too."""

    def __init__(self, facts: ModelFacts, seconds: float) -> None:
        """Look for clenches of so many seconds in samples of the layout that the model's facts name."""
        self._spectrogram = Spectrogram(facts.front_end, facts.layout)
        self._meter = LoudnessMeter(facts.front_end, facts.layout)
        self._floor = Floor(facts.front_end, facts.layout)
        self._long_enough = max(1, round(seconds * facts.layout.rate / facts.front_end.hop))
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._floor.reset()
        self._break_off()

    def _break_off(self) -> None:
        """Forget the signal, in which samples are missing here, but keep the floor."""
        self._spectrogram.reset()
        self._meter.reset()
        self._clench_frames = 0

    @property
    def state(self) -> ClenchSwitchState:
        """Everything that the switch remembers."""
        return ClenchSwitchState(self._spectrogram.state, self._meter.state, self._floor.state, self._clench_frames)

    @state.setter
    def state(self, state: ClenchSwitchState) -> None:
        self._spectrogram.state = state.spectrogram
        self._meter.state = state.loudness
        self._floor.state = state.floor
        self._clench_frames = state.clench_frames

    def push(self, chunk: Chunk) -> int:
        """Return how many clenches became long enough in these samples; each counts once, however long it lasts."""
        if not np.isfinite(chunk.samples).all():
            self._break_off()
            return 0
        frames = self._spectrogram.push(chunk)
        if not len(frames.times):
            return 0
        clenches = 0
        for evidence in self._meter.push(frames.values).frames():
            floor = self._floor.lower(evidence.pause)
            is_clench = floor is not None and quietest(evidence.swell, floor) > TYPING_DB
            self._floor.learn(evidence.rest, evidence.steady, doubtful=is_clench)
            self._clench_frames = self._clench_frames + 1 if is_clench else 0
            clenches += self._clench_frames == self._long_enough
        return clenches
