"""One stream as a device delivers it: from stamps and numbers to samples evenly spaced, or known to be missing."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from messages.errors import InputError
from streamer.arrival._holes import HoleFiller
from streamer.arrival._resampler import Resampler
from streamer.arrival._sample_clock import UNKNOWN, FloatArray, SampleClock
from streamer.arrival._sample_counter import SampleCounter
from streamer.arrival.gaps import MAX_GAP

_HOLE = 1.5  # sample periods from one sample to the next: one is missing
_WRONG_RATE = 0.02  # of the nominal rate: no clock is off by that, another stream is
_SPANS = 20  # newest seconds of samples whose stamps tell the rate roughly
_TOLD_BY = 10  # of them at least
_RESAMPLED = 3e-4
"""Of the nominal rate: less is followed by a sample that serves twice or never, every 1.7 s or rarer."""
_SURE = 3.0  # standard deviations
_EVEN = 10.0  # of the seconds' spans, that losses are not off by, while another rate is
_DELAYS = 30  # newest seconds of samples whose delays make the mean one


@dataclass(frozen=True, slots=True)
class Delivery:
    """Samples of one stream as they came, oldest first."""

    samples: npt.NDArray[np.float32]
    """(T, channels) in the model's unit."""
    stamps: FloatArray
    """(T,) seconds on the clock of whoever receives them, jitter and all."""
    numbers: npt.NDArray[np.int64] | None
    """(T,) as the source counts its samples; None: it does not."""
    arrived: float
    """Seconds on that clock: when they came."""


class Intake:
    """Deliveries in, samples and their times out: dejittered, holes filled with NaN, stale samples dropped.

    What comes out depends neither on how the samples were cut nor on what comes later, but where the measured rate is
    off by so much that they are resampled, which takes 8 samples more.
    """

    def __init__(self, name: str, rate: float, numbers: int | None, stale: float, *, withhold: bool = False) -> None:
        """Begin.

        Args:
            name: Of the stream, for sentences about it.
            rate: Nominal samples per second, which come out.
            numbers: What the source counts its samples modulo; None: it does not count them.
            stale: Seconds from its time to its arrival beyond which a sample is dropped.
            withhold: Whether samples of another rate are dropped until they come at the nominal one, not refused.
        """
        self.name = name
        self._nominal = rate
        self._second = round(rate)
        self._stale = stale
        self._withhold = withhold
        self.clock = SampleClock(rate)
        self.counter = SampleCounter(rate, numbers) if numbers else None
        self._holes = HoleFiller(rate, _HOLE / rate, MAX_GAP)
        self.stale = 0
        """Samples dropped because they came too late, or had waited for too long."""
        self.reset()

    def reset(self) -> None:
        """Forget the stream; counts stay."""
        self.clock.reset()
        if self.counter:
            self.counter.reset()
        self._holes.reset()
        self.resampler: Resampler | None = None
        """Where the measured rate is not the nominal one."""
        self.problem = ""
        """Why samples are withheld; empty: they are not."""
        self._count = 0  # samples of this second
        self._seconds = 0  # that are over
        self._began: float | None = None  # first stamp of this one
        self._missing = 0  # samples known to be lost in it
        self._gaps = 0.0  # of the clock, up to then
        self._spans: deque[tuple[float, float]] = deque(maxlen=_SPANS)  # seconds, and those of them that are gaps
        self._delays: list[FloatArray] = []
        self._means: deque[float] = deque(maxlen=_DELAYS)

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where nobody counts them."""
        return self.counter.lost if self.counter else None

    @property
    def filled(self) -> int:
        """Samples missing in holes that were filled."""
        return self._holes.filled

    @property
    def delay(self) -> float | None:
        """Seconds from a sample's time to its arrival, over the last half minute; None in the first second."""
        return float(np.mean(self._means)) if self._means else None

    @property
    def rate(self) -> float:
        """Samples per second, measured."""
        return self._nominal * (1.0 + self.clock.drift)

    @property
    def rate_error(self) -> float:
        """Its standard deviation."""
        return self._nominal * self.clock.drift_error

    def push(self, delivery: Delivery) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """Samples (T, channels) and their times (T,) s.

        Raises:
            InputError: The measured rate is off by more than 2 %, or the stamps stand still, and nothing is withheld.
        """
        numbers = delivery.numbers
        if numbers is None or self.counter is None:
            samples, stamps = delivery.samples, delivery.stamps
            lost = np.full(len(stamps), UNKNOWN)
        else:
            samples, stamps, lost = self.counter.push(delivery.samples, delivery.stamps, numbers)
        pieces = []
        start = 0
        while start < len(stamps):
            part = slice(start, min(len(stamps), start + self._second - self._count))
            pieces.append(self._piece(samples[part], stamps[part], lost[part], delivery.arrived))
            start = part.stop
        if len(pieces) == 1:
            return pieces[0]
        nothing = samples[:0], np.empty(0)
        return np.concatenate([s for s, _ in [nothing, *pieces]]), np.concatenate([t for _, t in [nothing, *pieces]])

    def _piece(
        self, samples: npt.NDArray[np.float32], stamps: FloatArray, lost: npt.NDArray[np.int64], arrived: float
    ) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """Samples of one second."""
        if self._began is None:
            self._began = float(stamps[0])
        elif not self._count:
            self._measure(float(stamps[0]))
        self._missing += int(np.maximum(lost, 0).sum())
        self._count = (self._count + len(stamps)) % self._second
        if self.problem:
            return samples[:0], np.empty(0)
        times = self.clock.push(stamps, lost)
        self._delays.append(arrived - times)
        if not self._count:
            self._means.append(float(np.median(np.concatenate(self._delays))))
            self._delays.clear()
        fresh = arrived - times <= self._stale
        if not fresh.all():
            self.stale += len(fresh) - int(fresh.sum())
            samples, times = samples[fresh], times[fresh]
        samples, times = self._holes.push(samples, times)
        return self.resampler.push(samples, times) if self.resampler else (samples, times)

    def _measure(self, stamp: float) -> None:
        """A second of samples is over: stamps tell the rate, roughly but whatever it is; the clock tells it well."""
        span = stamp - (self._began or 0.0) - self._missing / self._nominal
        self._spans.append((span, self.clock.gaps - self._gaps))
        self._began, self._missing, self._gaps = stamp, 0, self.clock.gaps
        self._seconds += 1
        wrong = self._wrong() if len(self._spans) >= _TOLD_BY else ""
        if wrong and not self._withhold:
            raise InputError(wrong)
        if self.problem and not wrong:  # as if it had just begun
            self.reset()
            self._began = stamp
        self.problem = wrong
        off = abs(self.clock.drift) > max(_RESAMPLED, _SURE * self.clock.drift_error)
        if self.resampler is None and self._seconds >= _TOLD_BY and off:
            self.resampler = Resampler(self._nominal)

    def _wrong(self) -> str:
        """What is wrong with the stream, which then cannot be decoded; empty: nothing."""
        # What is withheld is taken again once most of the last ten seconds were right.
        spans, gaps = np.array([*self._spans][-_TOLD_BY:] if self.problem else self._spans).T
        middle, scatter = float(np.median(spans)), float(np.std(spans))
        if middle <= 0:
            return (
                f"the time stamps of stream {self.name!r} do not rise, expected those of samples at "
                f"{self._nominal:g} Hz: choose another stream, or mend its driver"
            )
        off = abs(middle - 1.0)
        # Losses that nobody counts scatter, and are gaps; a stream that began well is no other one.
        lossy = abs(float(np.median(spans - gaps)) - 1.0) <= _WRONG_RATE and off < _EVEN * scatter
        begins = bool(self.problem) or self._seconds <= _SPANS
        if begins and not lossy and off - (0.0 if self.problem else _SURE * scatter) > _WRONG_RATE:
            return (
                f"stream {self.name!r} sends about {self._second / middle:.0f} samples a second, expected "
                f"{self._nominal:g} within 2 %: set the device to that rate, or choose another stream; or it loses "
                "samples, and should number them"
            )
        return ""
