"""How loud each band is, frame by frame, over windows of several lengths, and how loud it is at rest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.model_facts import StftFacts
from messages.signal import Layout

BAND = (60.0, 400.0)
"""Hz: where surface EMG has its power. Below lie movements of the cables, above little but the converter's noise."""
BURST, SWELL, QUIET, LASTING, REST = 0.04, 0.12, 0.2, 0.3, 1.5
"""Seconds of the windows: a key's burst; a swell, which bursts are not; a pause of the muscle; an effort; a rest."""
REACH = 0.2
"""Seconds that a burst is remembered: the encoder tells a key that late."""
ENDURANCE = 10.0
"""Seconds after which what is steady, but loud or heard as keys, is a rest all the same: on other contacts."""
_STEADY = 3.0  # dB that the swells of a rest may lie above its mean: noise stays below 2.1, typing above 4
_SLACK = 2.0  # dB that a pause within typing lies above or below the rest, or noise below its mean
_DEAD = 10.0  # dB below a band's median electrode, from where on it is no contact: it counts as that far below
_UNIT = 1000  # of a dB: whole numbers add up to the same however they are cut

Integers = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loudness:
    """Of consecutive frames; dB over 1 squared sample unit, means of the log power over electrodes and time."""

    burst: FloatArray
    """(F, bands): the loudest BURST within REACH."""
    posture: FloatArray
    """(F, bands): the loudest SWELL within REACH."""
    swell: FloatArray
    """(F, bands): the newest SWELL."""
    lasting: FloatArray
    """(F, bands): the newest LASTING."""
    quiet: FloatArray
    """(F, bands): the newest QUIET."""
    rest: FloatArray
    """(F, bands): the newest REST."""
    steady: npt.NDArray[np.bool_]
    """(F,): whether all bands were as loud all through the newest REST; False until one has passed."""


class Levels:
    """Frames in, as many frames' loudness out: the same however they are cut."""

    def __init__(self, stft: StftFacts, layout: Layout) -> None:
        frequencies = np.arange(stft.bins) * layout.rate / stft.window
        inside = np.flatnonzero((frequencies >= BAND[0]) & (frequencies <= BAND[1]))
        self._bins = slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(1, None)
        self._bands = layout.bands
        rate = layout.rate / stft.hop
        self._frames = {seconds: max(1, round(seconds * rate)) for seconds in (BURST, SWELL, QUIET, LASTING, REST)}
        self._reach = max(1, round(REACH * rate))
        self._kept = self._frames[REST] + max(self._frames[SWELL], self._reach)
        self.reset()

    def reset(self) -> None:
        """Forget the past; the frames before the first count as loud as it."""
        self._past: Integers | None = None
        self._count = 0

    def push(self, frames: npt.NDArray[np.float32]) -> Loudness:
        """(F, bands, electrodes, bins) log10 power of at least one frame."""
        power = np.rint(frames[..., self._bins] * (10 * _UNIT)).astype(np.int64).sum(axis=-1)
        count = frames[..., self._bins].shape[-1]
        median = np.sort(power, axis=-1)[..., power.shape[-1] // 2, None]
        level = np.maximum(power, median - round(_DEAD * _UNIT * count)).sum(axis=-1)  # (F, bands)
        past = np.repeat(level[:1], self._kept, axis=0) if self._past is None else self._past
        joined = np.concatenate([past, level])
        self._past = joined[-self._kept :]
        sums = np.concatenate([np.zeros((1, self._bands), np.int64), np.cumsum(joined, axis=0)])
        wanted, scale = len(level), _UNIT * count * power.shape[-1]

        def mean(seconds: float, frames: int = wanted) -> FloatArray:
            length = self._frames[seconds]
            found: FloatArray = (sums[-frames:] - sums[-frames - length : -length]) / (length * scale)
            return found

        def most(seconds: float, back: int) -> FloatArray:
            return _running_maximum(mean(seconds, wanted + back - 1), back)

        rest = mean(REST)
        steady = (most(SWELL, self._frames[REST]) - rest).max(axis=-1) < _STEADY
        age = self._count + np.arange(1, wanted + 1)
        self._count += wanted
        return Loudness(
            burst=most(BURST, self._reach),
            posture=most(SWELL, self._reach),
            swell=mean(SWELL),
            lasting=mean(LASTING),
            quiet=mean(QUIET),
            rest=rest,
            steady=steady & (age >= self._frames[REST]),
        )


def _running_maximum(values: FloatArray, length: int) -> FloatArray:
    """(F + length - 1, ...) → (F, ...): of each run of so many; by spans that double."""
    span = 1
    while 2 * span <= length:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    return values if span == length else np.maximum(values[: span - length], values[length - span :])


class Floor:
    """How loud each band is at rest, learnt from the first steady seconds and kept current.

    It rises only where all bands are steady and nothing else speaks against a rest, for typing that the amplifier clips
    is as even as one. It falls with every pause that is quieter.
    """

    def __init__(self, stft: StftFacts, layout: Layout) -> None:
        self._endurance = round(ENDURANCE * layout.rate / stft.hop)
        self.reset()

    def reset(self) -> None:
        """Nothing is known."""
        self.levels: list[float] | None = None
        """dB for each band; None until they have rested."""
        self._doubtful = 0  # steady frames without a break

    def fall(self, quiet: list[float]) -> list[float] | None:
        """Where the newest QUIET shows that the rest is quieter, it is; the floor."""
        if self.levels is not None:
            self.levels = [min(known, now + _SLACK) for known, now in zip(self.levels, quiet, strict=True)]
        return self.levels

    def learn(self, rest: list[float], steady: bool, doubtful: bool) -> None:
        """A frame's REST, whether it was steady, and whether it is taken for one only if it stays so for ENDURANCE."""
        self._doubtful = self._doubtful + 1 if steady and doubtful else 0
        if steady and not 0 < self._doubtful <= self._endurance:
            self.levels = rest
