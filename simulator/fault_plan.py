"""Plans of simulated faults, read from text: `nan@20+1=3/left, jitter=0.02` says which faults, when, and how bad."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from messages.errors import InputError
from messages.signal import Layout

Where = Literal["signal", "delivery", "sink"]
"""Place of a fault: the samples' values, their delivery, or a sink that writes or reads the daemon's output."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Everything about the faults of one name."""

    where: Where
    meaning: str
    """Meaning of the value, or of the fault where it has no value, for the user."""
    default: float = math.nan
    """Value where the plan states none; NaN: the fault has no value."""
    low: float = 0.0
    """Smallest value."""
    high: float = 0.0
    """Largest value."""


KINDS = {
    "loss": Kind("delivery", "share of packets lost", 0.1, 0.0, 1.0),
    "bursts": Kind("delivery", "seconds lost out of each second", 0.15, 0.0, 1.0),
    "jitter": Kind("delivery", "seconds by which packets and their stamps are late, at most", 0.02, 0.0, 1.0),
    "duplicate": Kind("delivery", "share of packets that come twice", 0.1, 0.0, 1.0),
    "reorder": Kind("delivery", "share of packets that come behind the next", 0.1, 0.0, 0.5),
    "jump": Kind("delivery", "seconds by which the clock of the stamps is put forward", 3.0, -1e9, 1e9),
    "drift": Kind("delivery", "ppm by which the clock of the stamps is fast", 200.0, -1e5, 1e5),
    "skew": Kind("delivery", "seconds by which packets come later than usual", 0.08, 0.0, 10.0),
    "stall": Kind("delivery", "packets are held back, and come together at the end"),
    "band": Kind("delivery", "one band sends nothing"),
    "disconnect": Kind("delivery", "the streams close, and open anew at the end"),
    "nan": Kind("signal", "electrodes that send NaN", 1, 1, 16),
    "saturation": Kind("signal", "µV at which all electrodes are clipped", 5.0, 0.01, 1e4),
    "dead": Kind("signal", "electrodes that are dead", 2, 1, 16),
    "hum": Kind("signal", "µV of 50 Hz hum", 50.0, 0.0, 1e5),
    "slow-disk": Kind("sink", "writes of a recording wait until the end"),
    "full-disk": Kind("sink", "writes of a recording fail"),
    "slow-subscriber": Kind("sink", "messages kept for a subscriber that reads nothing until the end", 1e4, 1, 1e6),
}
"""Every kind of fault, by its name in a plan."""
_TERM = re.compile(
    r"(?P<kind>[a-z-]+)(?:@(?P<start>[0-9.]+)(?:\+(?P<seconds>[0-9.]+))?)?"
    r"(?:=(?P<value>[-+0-9.e]+))?(?:/(?P<side>\w+))?"
)
_ONE_BAND = ("band", "nan", "dead")
"""Faults of a single band: the last one where none is named."""
_BANDLESS = ", ".join(["disconnect", *(name for name, kind in KINDS.items() if kind.where == "sink")])


@dataclass(frozen=True, slots=True)
class SimulatedFault:
    """One fault of a plan."""

    kind: str
    """Name of the fault, as in `KINDS`."""
    start: float = 0.0
    """Seconds from the first sample to the beginning of the fault."""
    seconds: float = math.inf
    """Seconds that the fault lasts."""
    value: float = math.nan
    """Value with the meaning of the kind; NaN where it has none."""
    band: int | None = None
    """Band with the fault; None: all bands."""

    @property
    def end(self) -> float:
        """Seconds from the first sample to the end of the fault."""
        return self.start + self.seconds

    @property
    def where(self) -> Where:
        """Place of the fault."""
        return KINDS[self.kind].where

    def is_active(self, stream: int, streams: int, time: float) -> bool:
        """Return whether one of so many streams has the fault at a time since the first sample (s)."""
        return self.start <= time < self.end and (streams == 1 or self.band in (None, stream))


def parse_faults(text: str, layout: Layout) -> tuple[SimulatedFault, ...]:
    """Read a plan of faults: `KIND[@START[+SECONDS]][=VALUE][/BAND]`, with commas between them.

    Raises:
        InputError: The text is something else, or a value is out of range.
    """
    return tuple(_parse(term.strip(), layout) for term in text.split(","))


def _parse(term: str, layout: Layout) -> SimulatedFault:
    match = _TERM.fullmatch(term)
    if match is None:
        raise InputError(
            f"the fault {term!r} is not understood: expected KIND[@START[+SECONDS]][=VALUE][/BAND], such as "
            "nan@20+1=3/left"
        )
    name, side = match["kind"], match["side"]
    kind = KINDS.get(name)
    if kind is None:
        raise InputError(f"there is no fault {name!r}: expected one of {', '.join(KINDS)}")
    start = _number(term, match["start"] or "0", "START")
    seconds = _number(term, match["seconds"], "SECONDS") if match["seconds"] else math.inf
    if seconds == 0:
        raise InputError(f"the fault {term!r} lasts 0 s: give it longer, or leave it out")
    value = _value(term, name, kind, match["value"])
    return SimulatedFault(name, start, seconds, value, _band(term, name, side, layout))


def _value(term: str, name: str, kind: Kind, text: str | None) -> float:
    if text is None:
        return kind.default
    if math.isnan(kind.default):
        raise InputError(f"the fault {term!r} has a value, but {name} has none ({kind.meaning}): leave ={text} out")
    value = _number(term, text, "VALUE")
    if not kind.low <= value <= kind.high:
        raise InputError(
            f"the fault {term!r} has the value {value:g}, expected {kind.low:g} to {kind.high:g} ({kind.meaning})"
        )
    return value


def _band(term: str, name: str, side: str | None, layout: Layout) -> int | None:
    if side is None:
        return layout.bands - 1 if name in _ONE_BAND else None
    if side not in layout.sides or KINDS[name].where == "sink" or name == "disconnect":
        sides = " or ".join(layout.sides)
        raise InputError(f"the fault {term!r} names the band {side!r}: expected {sides}, and no band for {_BANDLESS}")
    return layout.sides.index(side)


def _number(term: str, text: str, part: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"the {part} of the fault {term!r} is {text!r}: expected a number")
    return number
