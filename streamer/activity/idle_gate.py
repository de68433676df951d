"""The idle gate: it makes emissions blank while nobody types, so that noise is not decoded into keys.

The gate looks back only, so it delays nothing. Its inputs are, for every frame, the `Evidence` of how loud each band is
(`streamer.activity.loudness` explains `burst`, `posture`, `swell`, `effort`, `pause`, `rest`, `steady` and the floor)
and whether the encoder's likeliest class is a key.

**When it is open.** Levels are dB above the floor of their band. The gate is open in a frame if

- the loudest band's `burst` is above the typing level less a tolerance, because somebody struck a key, and
- the quietest band's `posture` is above a threshold, because the other hand hovers over the keys, and
- neither this frame nor one of the 0.3 s before it was a clench, because fists open slowly.

A frame is a clench if

- (a) both hands are louder than typing makes them: the quietest `swell` is above the typing level plus a margin, or
- (b) one hand is louder for longer than a keystroke: the loudest `effort` is 3 dB above the typing level, or
- (c) both hands are nearly as loud as typing, but steady, which typing never is for 1.5 s.

Until the hands have rested once there is no floor, and the gate is open.

**Learning.** With every frame the gate learns

- the floor, from steady frames (`Floor`). A frame is doubtful if it is a clench, or if a key was decoded in the last
  1.5 s: a steady signal is a fist then, or typing that the amplifier clips.
- the typing level, from the loudest `burst` of every frame that passes the gate and is a key. It is a running median
  that starts at `TYPING_DB` and moves in whole steps: 10 steps for the first frame, half of that after 3 frames, and at
  last one, so that a strong hand is known before it passes for a fist. Within half a step of the level nothing moves.
  So the levels of two gates that see the same frames draw nearer, never pass each other, and become one.

State: the meter, the floor, the typing level and the number of frames behind it, the frames that have no emission yet,
and how long the last clench and the last key are still felt.

Tried and rejected: a confidence threshold on keys instead of the gate, since a phantom sounds like a key, but is not as
loud as one (docs/typing.md). Without the "doubtful" rule typing that clips raised the floor, and without (c) fists as
loud as keys were taken for a rest until keys decoded in them spoke against it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from messages.emission import Emission
from messages.model_facts import ModelFacts
from messages.signal import F32, Frames
from messages.tables import Range
from streamer.activity.loudness import (
    REST_S,
    Evidence,
    Floor,
    FloorState,
    Loudness,
    LoudnessMeter,
    LoudnessState,
    loudest,
    quietest,
)

TYPING_DB = 16.0
"""Level of a keystroke's burst above the floor, until the wearer's own is known."""
SILENT = -20.0
"""Natural-log probability of every key while the gate is closed: below anything that a beam considers."""
_STEP_DB = 0.1
"""One step of the typing level."""
_FIRST_STEPS = 10
"""Steps by which the first frame with a key moves the typing level."""
_HALVING_FRAMES = 3
"""Frames with a key after which one moves the typing level by half as many steps."""
_TYPING_RANGE_DB = (12.0, 23.0)
"""The typing level stays between these."""
_EFFORT_DB = 3.0
"""No hand stays this far above the typing level while it types."""
_GRIP_DB = 4.0
"""Two hands that type are never steady at less than this below the typing level. Where the learnt level is lower than
`TYPING_DB` the margin counts from `TYPING_DB`: typing that clips is steady too, and its bursts, hardly louder than the
rest of it, teach a low level."""
_AFTER_CLENCH_S = 0.3
"""Seconds for which the gate stays closed behind a clench: fists open slowly."""


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


@dataclass(frozen=True, slots=True, eq=False)
class GateState:
    """What an `IdleGate` remembers."""

    loudness: LoudnessState
    last_frame: F32 | None
    """(bands, electrodes, bins): the newest frame, missing bands filled; None: there is none."""
    floor: FloorState
    typing_level: float
    """dB above the floor."""
    typing_frames: int
    """Frames from which the typing level was learnt."""
    waiting: Loudness
    """The frames that have no emission yet."""
    context_frames: int
    """Frames still to come for which the encoder gives no emission: the first of its context."""
    clench_frames: int
    """Frames for which the gate stays closed behind the last clench."""
    key_frames: int
    """Frames for which the last decoded key keeps the floor in doubt."""
    frames: int
    """Emissions so far, over all resets."""
    closed_frames: int
    """Emissions so far that were made blank."""


class IdleGate:
    """Frames and their emissions in, the same emissions out, but blank while nobody types.

    The gate opens when, within the last 0.2 s, one hand was as loud as a keystroke and the other hovered over the keys.
    It stays closed during a clench: (a) both hands louder than typing, (b) one hand louder for 0.3 s, (c) both nearly
    as loud and steady for 1.5 s. Until the hands have rested once it is open. The module explains what it learns.
    """

    def __init__(self, facts: ModelFacts, settings: GateSettings | None = None) -> None:
        """Build the gate of a model whose frames and emissions follow."""
        self._settings = settings or GateSettings()
        self._meter = LoudnessMeter(facts.front_end, facts.layout)
        self._floor = Floor(facts.front_end, facts.layout)
        self._bands = facts.layout.bands
        self._context = facts.encoder.receptive_field - 1
        rate = facts.layout.rate / facts.front_end.hop
        self._after_clench, self._after_key = round(_AFTER_CLENCH_S * rate), round(REST_S * rate)
        self._silence = np.full(facts.decoder.outputs, SILENT, np.float32)
        self._silence[facts.decoder.blank] = 0.0
        self._blank = facts.decoder.blank
        self.frames = 0
        """Emissions so far, over all resets."""
        self.closed_frames = 0
        """Emissions so far that were made blank, over all resets."""
        self.reset()

    def reset(self) -> None:
        """Forget everything, including the floor and the wearer's typing level."""
        self._floor.reset()
        self.typing_level = TYPING_DB
        """dB above the floor: how loud the wearer's keystrokes are."""
        self._typing_frames = 0
        self.finish()

    def finish(self) -> None:
        """Forget the signal, which breaks off here, but keep the floor and the typing level."""
        self._meter.reset()
        self._last_frame: F32 | None = None
        self._waiting: deque[Evidence] = deque()
        self._context_frames = self._context
        self._clench_frames = 0
        self._key_frames = 0

    @property
    def state(self) -> GateState:
        """Everything that the gate remembers, the counts included."""
        return GateState(
            loudness=self._meter.state,
            last_frame=None if self._last_frame is None else self._last_frame.copy(),
            floor=self._floor.state,
            typing_level=self.typing_level,
            typing_frames=self._typing_frames,
            waiting=Loudness.from_frames(self._waiting, self._bands),
            context_frames=self._context_frames,
            clench_frames=self._clench_frames,
            key_frames=self._key_frames,
            frames=self.frames,
            closed_frames=self.closed_frames,
        )

    @state.setter
    def state(self, state: GateState) -> None:
        self._meter.state = state.loudness
        self._last_frame = None if state.last_frame is None else state.last_frame.copy()
        self._floor.state = state.floor
        self.typing_level = state.typing_level
        self._typing_frames = state.typing_frames
        self._waiting = deque(state.waiting.frames())
        self._context_frames = state.context_frames
        self._clench_frames = state.clench_frames
        self._key_frames = state.key_frames
        self.frames = state.frames
        self.closed_frames = state.closed_frames

    def follow(self, other: "IdleGate") -> None:
        """Begin with the floor and the typing level that another gate has learnt from frames of the same kind."""
        self._floor.state = other._floor.state
        self.typing_level, self._typing_frames = other.typing_level, other._typing_frames

    @property
    def has_floor(self) -> bool:
        """Whether the hands have rested, so that the gate can be closed."""
        return self._floor.levels is not None

    def listen(self, frames: Frames) -> None:
        """Take frames (F, bands, electrodes, bins), log10 power, on their way into the encoder.

        A missing band counts as loud as in the last frame in which it was there.
        """
        if len(frames.times):
            self._waiting.extend(self._meter.push(self._held(frames)).frames())

    def _held(self, frames: Frames) -> F32:
        """Fill the missing bands of frames with the last one that was there."""
        values = frames.values
        if frames.missing.any():
            values = values.copy()
            for frame, missing in zip(values, frames.missing, strict=True):
                if self._last_frame is not None:
                    frame[missing] = self._last_frame[missing]
                self._last_frame = frame
        self._last_frame = values[-1]
        return values

    def push(self, emission: Emission) -> Emission:
        """Return the emission of the frames that follow, blank where the gate is closed.

        The frames must have been given to `listen` before. The encoder has no emission for the first ones, its context.
        """
        if not len(emission.times):
            return emission
        while self._context_frames:
            self._decide(self._waiting.popleft(), is_key=False)
            self._context_frames -= 1
        keys = (emission.log_probs.argmax(axis=-1) != self._blank).tolist()
        opened = [self._decide(self._waiting.popleft(), is_key) for is_key in keys]
        closed = opened.count(False)
        self.frames += len(opened)
        self.closed_frames += closed
        if not closed:
            return emission
        return Emission(np.where(np.array(opened)[:, None], emission.log_probs, self._silence), emission.times)

    def _decide(self, evidence: Evidence, is_key: bool) -> bool:
        """Return whether the gate is open in the next frame, and learn from it; `is_key`: whether it says a key."""
        floor = self._floor.lower(evidence.pause)
        clench = floor is not None and (
            self._both_hands_are_louder(evidence, floor)
            or self._one_hand_is_louder_for_long(evidence, floor)
            or self._both_hands_are_loud_and_steady(evidence, floor)
        )
        self._key_frames = self._after_key if is_key else max(0, self._key_frames - 1)
        self._floor.learn(evidence.rest, evidence.steady, doubtful=clench or self._key_frames > 0)
        if floor is None:
            return True
        self._clench_frames = self._after_clench if clench else max(0, self._clench_frames - 1)
        strike = loudest(evidence.burst, floor)
        settings = self._settings
        hovers = not settings.posture_db or quietest(evidence.posture, floor) > settings.posture_db
        opened = not self._clench_frames and hovers and strike > self.typing_level - settings.burst_tolerance_db
        if opened and is_key:
            self._learn_typing_level(strike)
        return opened

    def _both_hands_are_louder(self, evidence: Evidence, floor: list[float]) -> bool:
        """Return whether this is clench (a): both hands are louder than typing makes them."""
        return quietest(evidence.swell, floor) > self.typing_level + self._settings.clench_margin_db

    def _one_hand_is_louder_for_long(self, evidence: Evidence, floor: list[float]) -> bool:
        """Return whether this is clench (b): one hand is louder than typing makes it, for 0.3 s."""
        return loudest(evidence.effort, floor) > self.typing_level + _EFFORT_DB

    def _both_hands_are_loud_and_steady(self, evidence: Evidence, floor: list[float]) -> bool:
        """Return whether this is clench (c): a signal as steady as a rest, but nearly as loud as typing."""
        return evidence.steady and quietest(evidence.rest, floor) > max(self.typing_level, TYPING_DB) - _GRIP_DB

    def _learn_typing_level(self, strike: float) -> None:
        """Move the typing level towards the burst of a key, `strike` dB above the floor, in whole steps."""
        steps = max(1, round(_FIRST_STEPS / (1 + self._typing_frames / _HALVING_FRAMES)))
        self._typing_frames += 1
        if abs(strike - self.typing_level) > _STEP_DB / 2:
            level = round(self.typing_level / _STEP_DB) + (steps if strike > self.typing_level else -steps)
            self.typing_level = min(max(level * _STEP_DB, _TYPING_RANGE_DB[0]), _TYPING_RANGE_DB[1])
