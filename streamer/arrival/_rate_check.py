"""The check of a stream's rate, once a second, from its time stamps.

Plan
    Inputs: of each second of samples, the time from its first stamp to the next second's (the *span*, without samples
    known to be lost), and the time in it that the clock took for gaps. Output: a notice while the rate is wrong.

    Why not the clock's own rate: it is exact, but follows a device that is off by per cents only slowly. Stamps tell
    the rate roughly, and whatever it is.

    State: the newest 20 spans and gaps, the number of seconds so far, and the notice in force.

    Rules, from the tenth second on:
    1. a median span of 0 or less: the stamps stand still, which is wrong.
    2. a median span that differs from 1 s by more than 2 % and three standard deviations of the spans is another rate.
    3. But losses without numbers make spans longer, too. They scatter, and the clock finds most of them as gaps: if
       the spans without their gaps are right, and the spans differ from 1 s by less than ten standard deviations, the
       rate is right.
    4. A stream that was right for 20 s is no other one: after that, rule 2 no longer applies.
    5. While the notice is in force, only the newest 10 spans count, without the allowance for scatter, so that it ends
       once most of the last ten seconds were right.

Tried and rejected
    Rule 2 alone: where packets without numbers were lost one by one, losses passed for another rate; hence rule 3.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from messages.notice import Notice

_TOLERANCE = 0.02
"""Fraction by which a rate may differ from the nominal one: no crystal is off by that, but another device is."""
_SPANS = 20
"""Newest seconds that count, and seconds after which a stream that was right is believed for good."""
_ENOUGH = 10
"""Seconds that are needed to judge."""
_SURE = 3.0
"""Standard deviations of the spans by which their median has to differ as well."""
_LOSSY = 10.0
"""Standard deviations of the spans by which losses make their median differ, at most."""


@dataclass(slots=True)
class RateState:
    """State of a `RateCheck`. It changes in place: copy it deeply to keep it."""

    spans: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_SPANS))
    """Span of each of the newest seconds of samples, and the gaps in it, both in s."""
    seconds: int = 0
    """Seconds of samples so far."""
    notice: Notice | None = None
    """Notice about a wrong rate, or about stamps that stand still; None while the rate is right."""


class RateCheck:
    """Spans and gaps in; a notice while the rate is wrong. See the module's plan."""

    def __init__(self, name: str, rate: float) -> None:
        """Begin.

        Args:
            name: Name of the stream, for the notice.
            rate: Nominal samples per second.
        """
        self._name = name
        self._nominal = rate
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.state = RateState()
        """State of the check: copy it to keep it, set it to go on from there."""

    @property
    def notice(self) -> Notice | None:
        """Notice about a wrong rate, or about stamps that stand still; None while the rate is right."""
        return self.state.notice

    @property
    def is_enough(self) -> bool:
        """Whether enough seconds have passed to judge."""
        return self.state.seconds >= _ENOUGH

    def push(self, span: float, gaps: float) -> Notice | None:
        """Take in a second of samples (`round(rate)` of them); return the notice in force.

        Args:
            span: Seconds from its first stamp to that of the next second, without samples known to be lost.
            gaps: Seconds in it that the clock took for gaps.
        """
        self.state.spans.append((span, gaps))
        self.state.seconds += 1
        self.state.notice = self._judge() if len(self.state.spans) >= _ENOUGH else None
        return self.state.notice

    def _judge(self) -> Notice | None:
        state = self.state
        is_wrong = state.notice is not None
        spans, gaps = np.array([*state.spans][-_ENOUGH:] if is_wrong else state.spans).T
        middle, scatter = float(np.median(spans)), float(np.std(spans))
        if middle <= 0:
            return Notice("still-stamps", self._name, {"nominal": self._nominal})
        off = abs(middle - 1.0)
        is_lossy = abs(float(np.median(spans - gaps)) - 1.0) <= _TOLERANCE and off < _LOSSY * scatter
        is_new = is_wrong or state.seconds <= _SPANS
        if is_new and not is_lossy and off - (0.0 if is_wrong else _SURE * scatter) > _TOLERANCE:
            rate = round(self._nominal) / middle
            values = {"rate": rate, "nominal": self._nominal, "percent": 100 * _TOLERANCE}
            return Notice("wrong-rate", self._name, values)
        return None
