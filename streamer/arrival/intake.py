"""One stream as a device delivers it: from stamps and numbers to samples evenly spaced, or known to be missing.

Plan
    A chain: sample counter (where the device numbers its samples) → clock → stale samples dropped → holes filled with
    NaN → resampler (where the measured rate is not the nominal one). Once per second of samples, at a border that does
    not depend on how they were cut, the rate is checked: a wrong one is refused, or its samples are withheld.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from messages.errors import InputError
from messages.notice import Notice, sentence
from messages.signal import F32, F64
from streamer.arrival._holes import HoleFiller
from streamer.arrival._rate_check import RateCheck
from streamer.arrival._sample_clock import UNKNOWN, SampleClock
from streamer.arrival._sample_counter import SampleCounter
from streamer.arrival.gaps import MAX_GAP
from streamer.arrival.resampler import Resampler

_HOLE = 1.5
"""Sample periods from one sample to the next where at least one is missing."""
_RESAMPLED = 3e-4
"""Difference of the rate from the nominal one, as a fraction, beyond which samples are resampled. Below it, pairing
repeats or leaves out a sample every 1.7 s or more rarely."""
_SURE = 3.0
"""Standard deviations of the measured rate by which it has to differ as well."""
_DELAYS = 30
"""Newest seconds of samples whose delays make the mean one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Samples of one stream as they came, oldest first."""

    samples: F32
    """(T, channels) in the model's unit."""
    stamps: F64
    """(T,) seconds on the receiver's clock, jitter and all."""
    numbers: npt.NDArray[np.int64] | None
    """(T,) as the device numbers its samples; None: it does not."""
    arrived: float
    """Time of their arrival on that clock, in s."""


@dataclass(slots=True)
class IntakeState:
    """State of an `Intake` without its stages, which have states of their own."""

    count: int = 0
    """Samples of the second that is being filled."""
    began: float | None = None
    """First stamp of that second, in s; None before the first."""
    missing: int = 0
    """Samples known to be lost in it."""
    gaps: float = 0.0
    """Seconds of gaps in the clock up to it."""
    delays: list[F64] = field(default_factory=list)
    """Seconds from time to arrival of each of its samples."""
    medians: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS))
    """Median of these delays, in s, for each of the newest seconds."""


class Intake:
    """Deliveries in, samples and their times out: dejittered, holes filled with NaN, stale samples dropped.

    The output depends neither on how the samples were cut nor on what comes later, except where the measured rate is
    off by so much that they are resampled, which takes 8 samples more.
    """

    def __init__(self, name: str, rate: float, modulus: int | None, stale: float, *, withhold: bool = False) -> None:
        """Begin.

        Args:
            name: Name of the stream, for notices about it.
            rate: Nominal samples per second, which come out.
            modulus: Modulus of the device's sample numbers; None: it does not number its samples.
            stale: Seconds from its time to its arrival beyond which a sample is dropped.
            withhold: Whether samples of a wrong rate are dropped until they come at the nominal one, not refused.
        """
        self.name = name
        self._nominal = rate
        self._second = round(rate)
        self._stale = stale
        self._withhold = withhold
        self.clock = SampleClock(rate)
        self.counter = SampleCounter(rate, modulus) if modulus else None
        self._rate_check = RateCheck(name, rate)
        self._holes = HoleFiller(rate, _HOLE / rate, MAX_GAP)
        self.stale = 0
        """Samples dropped because they came too late or had waited for too long, over all resets."""
        self.reset()

    def reset(self) -> None:
        """Forget the stream; counts stay."""
        self.clock.reset()
        if self.counter:
            self.counter.reset()
        self._rate_check.reset()
        self._holes.reset()
        self.resampler: Resampler | None = None
        """Brings the samples to the nominal rate; None where they come at it."""
        self.state = IntakeState()
        """State of the intake without its stages: copy it to keep it, set it to go on from there."""

    @property
    def notice(self) -> Notice | None:
        """Why samples are withheld; None: they are not."""
        return self._rate_check.notice

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where the device does not number them."""
        return self.counter.lost if self.counter else None

    @property
    def filled(self) -> int:
        """Samples missing in holes that were filled."""
        return self._holes.filled

    @property
    def delay(self) -> float | None:
        """Seconds from a sample's time to its arrival, over the last half minute; None in the first second."""
        return float(np.mean(self.state.medians)) if self.state.medians else None

    @property
    def rate(self) -> float:
        """Samples per second, measured."""
        return self._nominal * (1.0 + self.clock.drift)

    @property
    def rate_error(self) -> float:
        """Standard deviation of `rate`."""
        return self._nominal * self.clock.drift_error

    def push(self, delivery: Delivery) -> tuple[F32, F64]:
        """Return samples (T, channels) and their times (T,) s.

        Raises:
            InputError: The measured rate is off by more than 2 %, or the stamps stand still, and nothing is withheld.
        """
        if delivery.numbers is None or self.counter is None:
            samples, stamps = delivery.samples, delivery.stamps
            lost = np.full(len(stamps), UNKNOWN)
        else:
            samples, stamps, lost = self.counter.push(delivery.samples, delivery.stamps, delivery.numbers)
        pieces = []
        start = 0
        while start < len(stamps):
            part = slice(start, min(len(stamps), start + self._second - self.state.count))
            pieces.append(self._take(samples[part], stamps[part], lost[part], delivery.arrived))
            start = part.stop
        if len(pieces) == 1:
            return pieces[0]
        pieces = [(samples[:0], np.empty(0)), *pieces]
        return np.concatenate([piece for piece, _ in pieces]), np.concatenate([times for _, times in pieces])

    def _take(self, samples: F32, stamps: F64, lost: npt.NDArray[np.int64], arrived: float) -> tuple[F32, F64]:
        """Do what `push` does, for samples of one second, with what is lost before each (T,)."""
        if self.state.began is None:
            self.state.began = float(stamps[0])
        elif not self.state.count:
            self._begin_second(float(stamps[0]), self.state.began)
        state = self.state
        state.missing += int(np.maximum(lost, 0).sum())
        state.count = (state.count + len(stamps)) % self._second
        if self.notice:
            return samples[:0], np.empty(0)
        times = self.clock.push(stamps, lost)
        state.delays.append(arrived - times)
        if not state.count:
            state.medians.append(float(np.median(np.concatenate(state.delays))))
            state.delays.clear()
        fresh = arrived - times <= self._stale
        if not fresh.all():
            self.stale += len(fresh) - int(fresh.sum())
            samples, times = samples[fresh], times[fresh]
        samples, times = self._holes.push(samples, times)
        return self.resampler.push(samples, times) if self.resampler else (samples, times)

    def _begin_second(self, stamp: float, began: float) -> None:
        """Judge the rate by the second of samples that began at one stamp (s) and ended before another (s)."""
        state, was_wrong = self.state, self.notice is not None
        span = stamp - began - state.missing / self._nominal
        notice = self._rate_check.push(span, self.clock.gaps - state.gaps)
        if notice and not self._withhold:
            raise InputError(sentence(notice))
        state.began, state.missing, state.gaps = stamp, 0, self.clock.gaps
        if was_wrong and not notice:
            # The samples were withheld up to here: the stream is a new one.
            self.reset()
            self.state.began = stamp
        is_off = abs(self.clock.drift) > max(_RESAMPLED, _SURE * self.clock.drift_error)
        if self.resampler is None and self._rate_check.is_enough and is_off:
            self.resampler = Resampler(self._nominal)
