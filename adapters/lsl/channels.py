"""The channels of a stream mapped to electrodes in the layout's unit: the border where order and unit are decided."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.lsl.discover import StreamSummary
from messages.errors import InputError
from messages.signal import F32, Layout

SAMPLE_NUMBER = "sample_number"
"""Label of the optional channel in which a device numbers its samples, so that lost ones show."""
MODULUS = 2**24
"""Sample numbers count modulo this: float32 holds every integer up to it and not the next (2.3 h at 2 kHz)."""

_MICROVOLTS = {
    **dict.fromkeys(("nanovolts", "nanovolt", "nv", "-9"), 1e-3),
    **dict.fromkeys(("microvolts", "microvolt", "uv", "µv", "-6"), 1.0),
    **dict.fromkeys(("millivolts", "millivolt", "mv", "-3"), 1e3),
    **dict.fromkeys(("volts", "volt", "v"), 1e6),
}
"""µV in one of each unit, by the unit's name in XDF, BIDS or MNE (a power of ten), in lower case."""

_LABEL = re.compile(r"(?:emg[ _-]*)?([a-z]+?)[ _-]*(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """The place and scale of every electrode in a sample of a stream."""

    columns: npt.NDArray[np.intp]
    """(bands · electrodes,) the stream's channel of every electrode, band after band, in ring order."""
    scale: F32
    """(bands · electrodes,) the layout's units in one unit of that channel."""
    number: int | None
    """The channel of the sample numbers; None: there is none."""
    notes: tuple[str, ...]
    """Assumptions about the stream, a sentence each, for the user."""


def map_channels(stream: StreamSummary, layout: Layout, sides: Sequence[str]) -> ChannelMap:
    """Check a stream against the layout and find its electrodes.

    Labels like "left_0", "R16" or "EMG left 3" say which electrode a channel is, counted from 0 or from 1.

    Args:
        stream: The stream, with its labels and units.
        layout: What the bundle needs.
        sides: Sides of the layout that the stream carries, in the layout's order.

    Raises:
        InputError: Another number of channels, rate or format; labels or units that contradict the layout.
    """
    _check(stream, layout, sides)
    number = _number_channel(stream)
    channels = np.array([c for c in range(stream.channels) if c != number], dtype=np.intp)
    notes = []
    if stream.type.casefold() not in ("emg", "semg"):
        # Another type is noted, not refused: it is free text, and ExG or EEG amplifiers carry EMG, too.
        notes.append(f"stream {stream.name!r} is of type {stream.type!r}, not EMG: taken as EMG")
    order = _order([stream.labels[c] for c in channels] if stream.labels else [], stream.name, layout, sides)
    if order is None:
        spread = ", then ".join(f"{layout.electrodes} of {side}" for side in sides)
        notes.append(f"stream {stream.name!r} has no labels that name electrodes: assumed {spread}, in ring order")
        order = np.arange(len(channels))
    columns = channels[order]
    units = [stream.units[c] if stream.units else "" for c in columns]
    if "" in units:
        notes.append(f"stream {stream.name!r} does not state its unit: assumed {layout.unit}")
    scale = [_factor(unit or layout.unit, stream.name, layout) for unit in units]
    return ChannelMap(columns, np.array(scale, dtype=np.float32), number, tuple(notes))


def _number_channel(stream: StreamSummary) -> int | None:
    """Return the channel of the sample numbers; None: there is none."""
    return stream.labels.index(SAMPLE_NUMBER) if SAMPLE_NUMBER in stream.labels else None


def _check(stream: StreamSummary, layout: Layout, sides: Sequence[str]) -> None:
    """Raise an error if the stream's channels, format, rate or side are others than the layout's."""
    expected = len(sides) * layout.electrodes
    channels = stream.channels - (_number_channel(stream) is not None)
    if channels != expected:
        raise InputError(
            f"stream {stream.name!r} has {channels} EMG channels, expected {expected}"
            f" ({' and '.join(sides)}, {layout.electrodes} each): name another stream (--stream, --bands), or a bundle"
            " for such bands (--bundle)"
        )
    if stream.format in ("string", "unknown"):
        raise InputError(
            f"stream {stream.name!r} has channels of format {stream.format}, expected numbers:"
            " name the stream of samples (--stream, --bands)"
        )
    if not math.isclose(stream.rate, layout.rate, rel_tol=1e-3):
        raise InputError(
            f"stream {stream.name!r} has a nominal rate of {stream.rate:g} Hz, expected {layout.rate:g} Hz:"
            " set the device to that rate, or name another bundle (--bundle)"
        )
    if len(sides) == 1 and stream.side in layout.sides and stream.side != sides[0]:
        raise InputError(
            f"stream {stream.name!r} says that it is of the {stream.side} band, expected the {sides[0]} one: name the"
            f" streams in the order {', '.join(layout.sides)} (--bands)"
        )


def _order(labels: Sequence[str], name: str, layout: Layout, sides: Sequence[str]) -> npt.NDArray[np.intp] | None:
    """Return the place of each electrode of `sides` among the labels; None where no label names one."""
    places = [_place(label, layout) for label in labels]
    named = [place for place in places if place is not None]
    if not named:
        return None
    first = min(electrode for _, electrode in named)
    expected = [(side, electrode) for side in sides for electrode in range(first, first + layout.electrodes)]
    if first > 1 or len(named) != len(places) or set(named) != set(expected):
        raise InputError(
            f"the labels of stream {name!r} ({labels[0]!r} to {labels[-1]!r}) do not name each of"
            f" {layout.electrodes} electrodes of {' and '.join(sides)} once, expected {sides[0]}_0, {sides[0]}_1, ...:"
            " correct the device's labels, or check which band is which"
        )
    return np.array([places.index(place) for place in expected], dtype=np.intp)


def _place(label: str, layout: Layout) -> tuple[str, int] | None:
    """Return the side and electrode that a label names, a side by its name or first letter; None: it names none."""
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        return None
    sides = [side for side in layout.sides if match[1].lower() in (side, side[0])]
    return (sides[0], int(match[2])) if len(sides) == 1 else None


def _factor(unit: str, name: str, layout: Layout) -> float:
    """Return the layout's units in one `unit`."""
    # The Greek letter stands for the micro sign.
    key = unit.strip().lower().replace("μ", "µ")
    if key not in _MICROVOLTS:
        raise InputError(
            f"stream {name!r} states the unit {unit!r}, expected volts, millivolts, microvolts or nanovolts:"
            " correct the device's description"
        )
    return _MICROVOLTS[key] / _MICROVOLTS[layout.unit.lower()]
