"""The idle gate: where nobody types, the emissions say nothing but blank."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Frames
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
    """When the gate is open. Levels are dB above each band's floor, the level of typing is learnt from keys heard."""

    weak: float = 7.0
    """So far below the level of typing a burst may be."""
    posture: float = 4.0
    """What the other hand must reach too: both are held over the keys. 0: it may rest."""
    loud: float = -0.5
    """So far above the level of typing both hands at once are a clench."""

    def __post_init__(self) -> None:
        if not (0 <= self.weak <= 30 and 0 <= self.posture <= 30 and -30 <= self.loud <= 60):
            raise InputError(
                f"the gate has weak {self.weak:g}, posture {self.posture:g} and loud {self.loud:g} dB: expected weak "
                "and posture from 0 to 30, and loud from -30 to 60"
            )


class IdleGate:
    """Frames and what the encoder says to them in, the same out with all blank where nobody types.

    The gate is open within 0.2 s of a burst that is about as loud as those of keys, while the other hand is held over
    the keys too, unless both hands, or one for longer, are louder than typing makes them, or both almost as loud but
    even (a clench). Until the hands have once rested it is open. Where the encoder hears keys, whether or not the gate
    is open, no hand rests: what is even there is a signal that clips. It looks at nothing to come and delays nothing.
    """

    def __init__(self, facts: ModelFacts, settings: GateSettings | None = None) -> None:
        """`facts`: of the model whose frames and emissions come."""
        self._settings = settings or GateSettings()
        self._levels = Levels(facts.front_end, facts.layout)
        self._floor = Floor(facts.front_end, facts.layout)
        self._context = facts.encoder.receptive_field - 1
        rate = facts.layout.rate / facts.front_end.hop
        self._hold, self._rest = round(_HOLD * rate), round(REST * rate)
        self._silence = np.full(facts.decoder.outputs, SILENT, np.float32)
        self._silence[facts.decoder.blank] = 0.0
        self._blank = facts.decoder.blank
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
        self._seen: npt.NDArray[np.float32] | None = None  # the last frame, missing bands held
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

    def listen(self, frames: Frames) -> None:
        """Take the frames of a spectrogram, log10 power, on their way into the encoder."""
        if len(frames.times):
            self._waiting.append(self._held(frames))

    def _held(self, frames: Frames) -> npt.NDArray[np.float32]:
        """Let missing frames count as loud as the last that was there."""
        values = frames.values
        if frames.missing.any():
            values = values.copy()
            for frame, missing in zip(values, frames.missing, strict=True):
                if self._seen is not None:
                    frame[missing] = self._seen[missing]
                self._seen = frame
        self._seen = values[-1]
        return values

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
            min(map(float.__sub__, swell, floor)) > self.typing + s.loud
            or max(map(float.__sub__, lasting, floor)) > self.typing + _EFFORT
            or (steady and min(map(float.__sub__, rest, floor)) > max(self.typing, TYPING) - _GRIP)
        )
        self._typed = self._rest if heard else max(0, self._typed - 1)
        self._floor.learn(rest, steady, loud or self._typed > 0)
        if floor is None:
            return True
        self._shut = self._hold if loud else max(0, self._shut - 1)
        strike = max(map(float.__sub__, burst, floor))
        held = min(map(float.__sub__, posture, floor)) > s.posture or not s.posture
        opened = not self._shut and held and strike > self.typing - s.weak
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
