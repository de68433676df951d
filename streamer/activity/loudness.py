"""Measures how loud each band is, frame by frame, and learns how loud it is at rest.

Input: the frames of the front end, log10 power per electrode and frequency bin.

1. **Level** of one band in one frame: the mean of the log power over the electrodes and over the bins of `BAND_HZ`, in
   dB over 1 squared sample unit. An electrode that lies more than 10 dB below the median one of its band has lost its
   contact and counts as 10 dB below it. Levels are whole thousandths of a dB, because sums of integers are the same
   however the frames were cut.
2. **Loudness** of a frame (`LoudnessMeter`): means of the levels over windows that end with it, per band. Each window
   is as long as the thing that it measures:

   | name      | window                            | measures                                                |
   |-----------|-----------------------------------|---------------------------------------------------------|
   | `burst`   | loudest 40 ms of the last 0.2 s   | one keystroke                                           |
   | `posture` | loudest 120 ms of the last 0.2 s  | a hand that hovers over the keys                        |
   | `swell`   | newest 120 ms                     | a fist: too long to be the burst of a keystroke         |
   | `effort`  | newest 0.3 s                      | a grip that lasts                                       |
   | `pause`   | newest 0.2 s                      | the quiet between two keystrokes                        |
   | `rest`    | newest 1.5 s                      | a hand at rest, if the frame is `steady`                |
   | `steady`  | newest 1.5 s                      | no 120 ms of it were 3 dB louder than its mean, in any band |

   The encoder reports a key up to 0.2 s after its burst, so bursts and postures are remembered for that long.
3. **Floor** (`Floor`): the level of each band at rest. Unknown until the first steady frame. Then it becomes the `rest`
   of every steady frame, so it may rise, and falls to 2 dB above a `pause` that is quieter than that. A steady frame is
   doubtful if it looks like a clench or if keys are decoded in it: it may be typing that the amplifier clips, which is
   as steady as a rest. It counts only after ten doubtful seconds without a break, as when the bands were put on anew.

State: the levels of the last 1.7 s, the number of frames so far, the floor, the length of the doubtful stretch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from messages.model_facts import StftFacts
from messages.signal import F32, F64, Layout

BAND_HZ = (60.0, 400.0)
"""Where surface EMG has its power: below are movements of the cables, above little but the converter's noise."""
BURST_S, SWELL_S, PAUSE_S, EFFORT_S, REST_S = 0.04, 0.12, 0.2, 0.3, 1.5
"""Lengths of the windows, in seconds."""
REACH_S = 0.2
"""Seconds for which a burst is remembered: the encoder reports a key that late."""
ENDURANCE_S = 10.0
"""Seconds after which a steady, but doubtful signal is a rest after all: the contacts are others."""
_STEADY_DB = 3.0
"""A rest has no swell this far above its mean: noise stays below 2.1 dB, typing lies above 4."""
_SLACK_DB = 2.0
"""A pause within typing differs from the rest by up to this much, and so does noise from its mean."""
_NO_CONTACT_DB = 10.0
"""An electrode this far below the median one of its band has no contact, and counts as that far below it."""
_UNITS_PER_DB = 1000
"""Levels are integers in this unit, because their sums do not depend on how the frames were cut."""

Integers = npt.NDArray[np.int64]


class Evidence(NamedTuple):
    """The loudness of one frame: one number per band, in dB over 1 squared sample unit, in plain floats.

    The gate decides frame by frame, since every frame may change the floor and the typing level. For a few numbers
    Python's floats are several times as fast as numpy's arrays.
    """

    burst: list[float]
    """The loudest 40 ms of the last 0.2 s."""
    posture: list[float]
    """The loudest 120 ms of the last 0.2 s."""
    swell: list[float]
    """The newest 120 ms."""
    effort: list[float]
    """The newest 0.3 s."""
    pause: list[float]
    """The newest 0.2 s."""
    rest: list[float]
    """The newest 1.5 s."""
    steady: bool
    """Whether no 120 ms of the newest 1.5 s were 3 dB louder than its mean; False until 1.5 s have passed."""


@dataclass(frozen=True, slots=True, eq=False)
class Loudness:
    """The loudness of consecutive frames, a column per field of `Evidence`; dB over 1 squared sample unit."""

    burst: F64
    """(F, bands): the loudest 40 ms of the last 0.2 s."""
    posture: F64
    """(F, bands): the loudest 120 ms of the last 0.2 s."""
    swell: F64
    """(F, bands): the newest 120 ms."""
    effort: F64
    """(F, bands): the newest 0.3 s."""
    pause: F64
    """(F, bands): the newest 0.2 s."""
    rest: F64
    """(F, bands): the newest 1.5 s."""
    steady: npt.NDArray[np.bool_]
    """(F,): whether the newest 1.5 s were steady in all bands; False until 1.5 s have passed."""

    def frames(self) -> Iterable[Evidence]:
        """Return the evidence of every frame, in order."""
        columns = [getattr(self, name).tolist() for name in Evidence._fields]
        return map(Evidence._make, zip(*columns, strict=True))

    @classmethod
    def from_frames(cls, frames: Iterable[Evidence], bands: int) -> "Loudness":
        """Return the columns of some frames: the inverse of `frames`."""
        rows = list(frames)
        columns = {name: [getattr(row, name) for row in rows] for name in Evidence._fields}
        steady = np.array(columns.pop("steady"), np.bool_)
        return cls(
            steady=steady, **{name: np.array(column).reshape(len(rows), bands) for name, column in columns.items()}
        )


@dataclass(frozen=True, slots=True, eq=False)
class LoudnessState:
    """What a `LoudnessMeter` remembers."""

    past: Integers | None
    """(frames, bands) levels of the last 1.7 s, in thousandths of a dB, not divided by the number of bins and
    electrodes; None before the first frame."""
    count: int
    """Frames so far."""


class LoudnessMeter:
    """Measures the loudness of frames; the result does not depend on how they were cut."""

    def __init__(self, stft: StftFacts, layout: Layout) -> None:
        """Choose the bins and the lengths of the windows for frames of this kind."""
        frequencies = np.arange(stft.bins) * layout.rate / stft.window
        inside = np.flatnonzero((frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1]))
        self._bins = slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(1, None)
        self._bands = layout.bands
        rate = layout.rate / stft.hop
        self._frames = {
            seconds: max(1, round(seconds * rate)) for seconds in (BURST_S, SWELL_S, PAUSE_S, EFFORT_S, REST_S)
        }
        self._reach = max(1, round(REACH_S * rate))
        self._history = self._frames[REST_S] + max(self._frames[SWELL_S], self._reach)
        self.reset()

    def reset(self) -> None:
        """Forget the past; the frames before the next one count as being as loud as it."""
        self._past: Integers | None = None
        self._count = 0

    @property
    def state(self) -> LoudnessState:
        """The levels of the last 1.7 s."""
        return LoudnessState(None if self._past is None else self._past.copy(), self._count)

    @state.setter
    def state(self, state: LoudnessState) -> None:
        self._past = None if state.past is None else state.past.copy()
        self._count = state.count

    def push(self, frames: F32) -> Loudness:
        """Measure at least one frame: (F, bands, electrodes, bins), log10 power."""
        levels, units = self._levels(frames)
        past = np.repeat(levels[:1], self._history, axis=0) if self._past is None else self._past
        joined = np.concatenate([past, levels])
        self._past = joined[-self._history :]
        sums = np.zeros((len(joined) + 1, self._bands), np.int64)
        np.cumsum(joined, axis=0, out=sums[1:])
        count, rest_frames = len(levels), self._frames[REST_S]

        def means(seconds: float, earlier: int = 0) -> F64:
            """Average the windows that end in each new frame, and in so many before the first."""
            length, last = self._frames[seconds], count + earlier
            averages: F64 = (sums[-last:] - sums[-last - length : -length]) / (length * units)
            return averages

        swells, rest = means(SWELL_S, rest_frames - 1), means(REST_S)
        steady = (_running_maximum(swells, rest_frames) - rest).max(axis=-1) < _STEADY_DB
        age = self._count + np.arange(1, count + 1)
        self._count += count
        return Loudness(
            burst=_running_maximum(means(BURST_S, self._reach - 1), self._reach),
            posture=_running_maximum(swells[-(count + self._reach - 1) :], self._reach),
            swell=swells[-count:],
            effort=means(EFFORT_S),
            pause=means(PAUSE_S),
            rest=rest,
            steady=steady & (age >= rest_frames),
        )

    def _levels(self, frames: F32) -> tuple[Integers, int]:
        """Return (F, bands) levels, and the number of their units in one dB."""
        power = frames[..., self._bins]
        *_, electrodes, bins = power.shape
        levels = np.rint(power * (10 * _UNITS_PER_DB)).astype(np.int64).sum(axis=-1)
        median = np.sort(levels, axis=-1)[..., electrodes // 2, None]
        bounded = np.maximum(levels, median - round(_NO_CONTACT_DB * _UNITS_PER_DB * bins))
        return bounded.sum(axis=-1), _UNITS_PER_DB * bins * electrodes


def _running_maximum(values: F64, length: int) -> F64:
    """Return the maximum of each run of `length` values, (F + length - 1, ...) → (F, ...), by spans that double."""
    span = 1
    while 2 * span <= length:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    return values if span == length else np.maximum(values[: span - length], values[length - span :])


@dataclass(frozen=True, slots=True)
class FloorState:
    """What a `Floor` remembers."""

    levels: tuple[float, ...] | None
    """dB over 1 squared sample unit, one per band; None until the hands have rested."""
    doubtful_frames: int
    """Length of the stretch of steady, but doubtful frames that goes on now."""


class Floor:
    """How loud each band is at rest: see the plan above."""

    def __init__(self, stft: StftFacts, layout: Layout) -> None:
        """Begin without a floor, for frames of this kind."""
        self._endurance = round(ENDURANCE_S * layout.rate / stft.hop)
        self.reset()

    def reset(self) -> None:
        """Forget the floor."""
        self.levels: list[float] | None = None
        """dB over 1 squared sample unit, one per band; None until the hands have rested."""
        self._doubtful_frames = 0

    @property
    def state(self) -> FloorState:
        """The floor, and how long it has been in doubt."""
        return FloorState(None if self.levels is None else tuple(self.levels), self._doubtful_frames)

    @state.setter
    def state(self, state: FloorState) -> None:
        self.levels = None if state.levels is None else list(state.levels)
        self._doubtful_frames = state.doubtful_frames

    def lower(self, pause: list[float]) -> list[float] | None:
        """Lower the floor where a frame's `pause` is quieter, and return it."""
        if self.levels is not None:
            self.levels = [min(level, now + _SLACK_DB) for level, now in zip(self.levels, pause, strict=True)]
        return self.levels

    def learn(self, rest: list[float], steady: bool, doubtful: bool) -> None:
        """Take a frame's `rest` for the floor if it is steady, and not in doubt or long enough so."""
        self._doubtful_frames = self._doubtful_frames + 1 if steady and doubtful else 0
        if steady and not 0 < self._doubtful_frames <= self._endurance:
            self.levels = rest


def loudest(levels: list[float], floor: list[float]) -> float:
    """Return how far the loudest band is above its floor, in dB."""
    differences: map[float] = map(sub, levels, floor)
    return max(differences)


def quietest(levels: list[float], floor: list[float]) -> float:
    """Return how far the quietest band is above its floor, in dB."""
    differences: map[float] = map(sub, levels, floor)
    return min(differences)
