"""The idle gate: where nobody types, the emissions say nothing but blank."""

from collections import deque
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from messages.emission import Emission
from messages.model_facts import BundleFacts
from messages.tables import Range
from streamer.activity.loudness import REST, Floor, Levels, Loudness

TYPING = 16.0
"""dB above the floor: the burst of a key, until those of the wearer are known."""
SILENT = -20.0
"""Nats of every key while the gate is closed: below whatever a beam looks at."""
_STEP, _FIRST, _SETTLED = 0.1, 10, 3  # dB; a frame with a key moves the level of typing, a running median, by one at
# last, by so many at first, by half after so many such frames: a strong hand is known before it passes for a fist.
_RANGE = (12.0, 23.0)  # dB between which it stays
_EFFORT = 3.0  # dB above the level of typing that no hand keeps up while it types
_GRIP = 4.0  # dB below it that both hands never keep up evenly; below TYPING where that is more, for the bursts of
# typing that is clipped are hardly louder than the whole.
_HOLD = 0.3  # seconds that the gate stays closed behind a clench: fists open slowly


@dataclass(frozen=True, slots=True)
class GateSettings:
    """[gate]: when nothing is typed. Levels are dB above each band's floor, its level while the hands rest.

    The level of a keystroke is learnt from the wearer's own keystrokes.
    """

    enabled: bool = True
    """Whether there is a gate; otherwise every key that the decoder finds is typed."""
    burst_tolerance_db: Annotated[float, Range(0, 30)] = 7.0
    """A burst may be up to this many dB below the wearer's typical keystroke."""
    posture_db: Annotated[float, Range(0, 30)] = 4.0
    """The other hand, held over the keys, must be at least this many dB above its floor; 0: it may rest."""
    clench_margin_db: Annotated[float, Range(-30, 60)] = -0.5
    """Both hands at once are a clench from this many dB above the wearer's typical keystroke."""
    clench_switch_s: Annotated[float, Range(0, 60)] = 0.0
    """Seconds of clenching both fists that pause, or resume; 0: a clench does neither."""


class IdleGate:
    """Frames and what the encoder says to them in, the same out with all blank where nobody types.

    The gate is open within 0.2 s of a burst that is about as loud as those of keys, while the other hand is held over
    the keys too, unless both hands, or one for longer, are louder than typing makes them, or both almost as loud but
    even (a clench). Until the hands have once rested it is open. Where the encoder hears keys, whether or not the gate
    is open, no hand rests: what is even there is a signal that clips. It looks at nothing to come and delays nothing.
    """

    def __init__(self, facts: BundleFacts, settings: GateSettings | None = None) -> None:
        """`facts`: of the model whose frames and emissions come."""
        self._settings = settings or GateSettings()
        self._levels = Levels(facts.stft, facts.layout)
        self._floor = Floor(facts.stft, facts.layout)
        self._context = facts.receptive_field - 1
        rate = facts.layout.rate / facts.stft.hop
        self._hold, self._rest = round(_HOLD * rate), round(REST * rate)
        self._silence = np.full(len(facts.classes) + 1, SILENT, np.float32)
        self._silence[facts.blank] = 0.0
        self._blank = facts.blank
        self.frames = 0
        """Emissions so far, over all resets."""
        self.closed = 0
        """Those that were made blank."""
        self.reset()

    def reset(self) -> None:
        """Forget all, the floor and the wearer's level of typing among it."""
        self._floor.reset()
        self.typing = TYPING
        """dB above the floor: the bursts of keys."""
        self._keys = 0  # frames that it was learnt from
        self.finish()

    def finish(self) -> None:
        """The signal breaks off; what is known of rest and typing stays."""
        self._levels.reset()
        self._waiting: deque[npt.NDArray[np.float32]] = deque()
        self._loudness: Loudness | None = None
        self._judged = 0  # frames of it
        self._ahead = self._context  # frames to come that get no emission
        self._shut = 0  # frames that the gate stays closed for a clench
        self._typed = 0  # frames to come whose REST holds a key heard

    def follow(self, other: "IdleGate") -> None:
        """Begin with what another gate has learnt of the wearer's rest and typing, from frames of the same kind."""
        self._floor, self.typing, self._keys = other._floor, other.typing, other._keys

    @property
    def known(self) -> bool:
        """Whether the hands have rested, so that the gate can be closed."""
        return self._floor.levels is not None

    def listen(self, frames: npt.NDArray[np.float32]) -> None:
        """Frames (F, bands, electrodes, bins) on their way into the encoder, as the spectrogram gives them."""
        if len(frames):
            self._waiting.append(frames)

    def push(self, emission: Emission) -> Emission:
        """What the encoder said to the frames, in their order, the first ones (its context) left out."""
        if not len(emission.times):
            return emission
        while self._ahead:
            self._ahead -= len(self._judge(np.zeros(self._ahead, np.bool_)))
        heard = emission.log_probs.argmax(axis=-1) != self._blank
        opened = np.empty(0, np.bool_)
        while len(opened) < len(heard):
            opened = np.concatenate([opened, self._judge(heard[len(opened) :])])
        self.frames += len(opened)
        self.closed += len(opened) - int(opened.sum())
        if opened.all():
            return emission
        return Emission(np.where(opened[:, None], emission.log_probs, self._silence), emission.times)

    def _judge(self, heard: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether the gate is open in the next frames, of one push at most; `heard`: whether each says a key."""
        loudness = self._loudness or self._levels.push(self._waiting.popleft())
        part = slice(self._judged, self._judged + len(heard))
        columns = (loudness.burst, loudness.posture, loudness.swell, loudness.lasting, loudness.quiet, loudness.rest)
        burst, posture, swell, lasting, quiet, rest = (column[part].tolist() for column in columns)
        steady = loudness.steady[part].tolist()
        rows = zip(burst, posture, swell, lasting, quiet, rest, steady, heard[: len(steady)].tolist(), strict=True)
        opened = [self._open(*row) for row in rows]
        self._judged += len(opened)
        done = self._judged == len(loudness.steady)
        self._loudness, self._judged = (None, 0) if done else (loudness, self._judged)
        return np.array(opened, np.bool_)

    def _open(
        self,
        burst: list[float],
        posture: list[float],
        swell: list[float],
        lasting: list[float],
        quiet: list[float],
        rest: list[float],
        steady: bool,
        heard: bool,
    ) -> bool:
        s, floor = self._settings, self._floor.fall(quiet)
        loud = floor is not None and (
            min(map(float.__sub__, swell, floor)) > self.typing + s.clench_margin_db
            or max(map(float.__sub__, lasting, floor)) > self.typing + _EFFORT
            or (steady and min(map(float.__sub__, rest, floor)) > max(self.typing, TYPING) - _GRIP)
        )
        self._typed = self._rest if heard else max(0, self._typed - 1)
        self._floor.learn(rest, steady, loud or self._typed > 0)
        if floor is None:
            return True
        self._shut = self._hold if loud else max(0, self._shut - 1)
        strike = max(map(float.__sub__, burst, floor))
        held = min(map(float.__sub__, posture, floor)) > s.posture_db or not s.posture_db
        opened = not self._shut and held and strike > self.typing - s.burst_tolerance_db
        if opened and heard:
            self._learn(strike)
        return opened

    def _learn(self, strike: float) -> None:
        """A key's burst, dB above the floor. Whole steps, and none within half a step: so the levels of two gates that
        hear the same draw nearer, never pass each other, and become one."""
        steps = max(1, round(_FIRST / (1 + self._keys / _SETTLED)))
        self._keys += 1
        if abs(strike - self.typing) > _STEP / 2:
            level = round(self.typing / _STEP) + (steps if strike > self.typing else -steps)
            self.typing = min(max(level * _STEP, _RANGE[0]), _RANGE[1])
