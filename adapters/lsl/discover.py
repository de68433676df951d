"""Which LSL streams are on the network, what they say about themselves, and which of them is meant.

All streams are looked for and then one is chosen (liblsl#282: a query by name may miss local streams), so that
everything found can be named when the wanted one is missing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pylsl

from messages.errors import InputError

FORMATS = {
    pylsl.cf_float32: "float32",
    pylsl.cf_double64: "float64",
    pylsl.cf_int8: "int8",
    pylsl.cf_int16: "int16",
    pylsl.cf_int32: "int32",
    pylsl.cf_int64: "int64",
    pylsl.cf_string: "string",
}
"""numpy's name of each channel format of liblsl (a string has no dtype of fixed size)."""

_POLL = 0.05  # seconds between looks at what the resolver has found
_SETTLE = 0.75
"""Seconds to go on looking once the wanted are there, for a second stream of that name: liblsl asks in waves 0.5 s
apart, of several outlets on one machine the first wave finds one, and the second's answers have a quarter second."""
_DESCRIBE = 1.0  # seconds that one stream may take to hand over its description


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a stream says about itself."""

    name: str
    type: str
    channels: int
    rate: float
    """Nominal samples per second; 0 for an irregular stream."""
    format: str
    """numpy's name of the channel format, or "string"."""
    source_id: str
    hostname: str
    labels: tuple[str, ...] = ()
    """(channels,) as described, "" where one is missing; () where nothing is described, or was not asked for."""
    units: tuple[str, ...] = ()
    """(channels,) as described, like the labels."""
    side: str = ""
    """Of the band that it carries, where desc/side says so; asked for with the labels."""

    @property
    def unit(self) -> str:
        """The unit that all described channels share; "" where none is described, "mixed" where they differ."""
        units = set(self.units) - {""}
        return units.pop() if len(units) == 1 else "mixed" if units else ""

    def __str__(self) -> str:
        kind = f"type {self.type}, " if self.type else ""
        source = f"source id {self.source_id}" if self.source_id else "no source id"
        rate = f"at {self.rate:g} Hz" if self.rate else "at an irregular rate"
        return f"{self.name!r} ({kind}{self.channels} channels of {self.format} {rate}, {source}, on {self.hostname})"


def summarise(info: pylsl.StreamInfo) -> StreamSummary:
    """A stream's own words; labels and units only from an `info` that an inlet has fetched, a resolved one has none."""
    return StreamSummary(
        name=info.name(),
        type=info.type(),
        channels=info.channel_count(),
        rate=info.nominal_srate(),
        format=FORMATS.get(info.channel_format(), "unknown"),
        source_id=info.source_id(),
        hostname=info.hostname(),
        labels=_of_channels(info, "label"),
        units=_of_channels(info, "unit"),
        side=info.desc().child_value("side").strip(),
    )


def find_streams(timeout: float, *, describe: bool = True) -> list[StreamSummary]:
    """Every stream on the network, by name, looked for during `timeout` s (below 1 s some are missed).

    Args:
        timeout: Seconds.
        describe: Ask each for labels and units, too; one that does not answer is listed without.
    """
    infos = _resolve(timeout, lambda found: False)
    if describe:
        infos = [_described(info) for info in infos]
    return sorted((summarise(info) for info in infos), key=lambda s: (s.name, s.source_id))


def resolve(
    names: Sequence[str], timeout: float, seen: Callable[[Sequence[pylsl.StreamInfo]], None] = lambda infos: None
) -> list[pylsl.StreamInfo]:
    """The streams called `names`, waited for during at most `timeout` s.

    Args:
        names: Each a stream's NAME, or NAME@SOURCE_ID where several share the name.
        timeout: Seconds.
        seen: Gets the streams of these names as soon as there is one of each, while it is still looked for others;
            most likely they are those that will be returned.

    Raises:
        InputError: One is not there (all that were found are named), or a name stands for several.
    """

    def enough(infos: list[pylsl.StreamInfo]) -> bool:
        summaries = [summarise(info) for info in infos]
        matches = [_matches(name, summaries) for name in names]
        if not all(matches):
            return False
        seen([infos[i] for i in sorted({i for match in matches for i in match})])
        return True

    found = _resolve(timeout, enough)
    summaries = [summarise(info) for info in found]
    return [found[choose(name, summaries, timeout)] for name in names]


def choose(name: str, found: Sequence[StreamSummary], timeout: float) -> int:
    """Index of the one stream in `found` that is meant by NAME or NAME@SOURCE_ID; errors as in `resolve`."""
    matches = _matches(name, found)
    if len(matches) == 1:
        return matches[0]
    if matches:
        sources = [f"{found[i].name}@{found[i].source_id}" for i in matches]
        advice = f"name one by its source id: {' or '.join(sources)}"
        if len(set(sources)) < len(sources):
            advice = f"stop one of them ({', '.join(str(found[i]) for i in matches)}): their source ids are equal"
        raise InputError(f"found {len(matches)} LSL streams for {name!r}, expected one: {advice}")
    if not found:
        raise InputError(
            f"found no LSL stream at all within {timeout:g} s, expected {name!r}: start the device's LSL outlet,"
            " and check that both machines are on one network whose firewall lets liblsl's ports 16571-16604 through"
        )
    raise InputError(
        f"found no LSL stream named {name!r} within {timeout:g} s, only {'; '.join(map(str, found))}:"
        " name one of these, or start the device's LSL outlet"
    )


def _matches(name: str, found: Sequence[StreamSummary]) -> list[int]:
    plain = [i for i, stream in enumerate(found) if stream.name == name]
    return plain or [i for i, stream in enumerate(found) if f"{stream.name}@{stream.source_id}" == name]


def _resolve(timeout: float, enough: Callable[[list[pylsl.StreamInfo]], bool]) -> list[pylsl.StreamInfo]:
    """All streams seen until the timeout, or a little after `enough` has said, once, that the wanted are there."""
    resolver = pylsl.ContinuousResolver()
    end = time.monotonic() + timeout
    settling = False
    while (now := time.monotonic()) < end:
        if not settling and enough(resolver.results()):
            settling = True
            end = min(end, now + _SETTLE)
        time.sleep(min(_POLL, end - now))
    found: list[pylsl.StreamInfo] = resolver.results()
    return found


def _described(info: pylsl.StreamInfo) -> pylsl.StreamInfo:
    # An inlet that is never opened for data is no consumer in its outlet's eyes: looking must not set off a player.
    with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):
        return pylsl.StreamInlet(info).info(timeout=_DESCRIBE)
    return info


def _of_channels(info: pylsl.StreamInfo, field: str) -> tuple[str, ...]:
    """desc/channels/channel/FIELD of each channel, as the XDF convention has it; () where all are missing."""
    values = [channel.child_value(field).strip() for channel in _channels(info)][: info.channel_count()]
    values += [""] * (info.channel_count() - len(values))
    return tuple(values) if any(values) else ()


def _channels(info: pylsl.StreamInfo) -> Iterator[Any]:
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        yield channel
        channel = channel.next_sibling("channel")
