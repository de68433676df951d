"""LSL streams on the network: find them, read their descriptions, and choose one by its name.

All streams are looked for, and then one is chosen: a query by name may miss local streams (liblsl#282), and an error
can name all others when a stream is missing.
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

_POLL_S = 0.05
"""Seconds between two looks at the resolver's results."""
_LINGER_S = 0.75
"""Seconds to go on looking once all requested streams are there, for a second stream of one of the names.

liblsl asks in waves 0.5 s apart, and of several outlets on one machine the first wave finds one; so this lasts until
the second wave, and a quarter of a second longer for its answers.
"""
_DESCRIPTION_S = 1.0
"""Seconds that one stream may take to hand over its description."""


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream's description of itself."""

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
    """Side of the band that it carries, where desc/side says so; "" where not, or where it was not asked for."""

    @property
    def unit(self) -> str:
        """Unit that all described channels share; "" where none is described, "mixed" where they differ."""
        units = set(self.units) - {""}
        return units.pop() if len(units) == 1 else "mixed" if units else ""

    def __str__(self) -> str:
        kind = f"type {self.type}, " if self.type else ""
        source = f"source id {self.source_id}" if self.source_id else "no source id"
        rate = f"at {self.rate:g} Hz" if self.rate else "at an irregular rate"
        return f"{self.name!r} ({kind}{self.channels} channels of {self.format} {rate}, {source}, on {self.hostname})"


def summarise(info: pylsl.StreamInfo) -> StreamSummary:
    """Return a stream's description; labels and units are only in an `info` that an inlet has fetched."""
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
    """Return every stream on the network, in the order of their names.

    Args:
        timeout: Seconds to look for; below 1 s some streams are missed.
        describe: Whether to ask each stream for labels and units, too; a stream that does not answer has none.
    """
    infos = _resolve(timeout, lambda _infos: False)
    if describe:
        infos = [_described(info) for info in infos]
    return sorted((summarise(info) for info in infos), key=lambda s: (s.name, s.source_id))


def resolve(
    names: Sequence[str], timeout: float, on_match: Callable[[Sequence[pylsl.StreamInfo]], None] = lambda _infos: None
) -> list[pylsl.StreamInfo]:
    """Return the streams of these names, in their order.

    Args:
        names: NAME of each stream, or NAME@SOURCE_ID where several share the name.
        timeout: Seconds to wait for them, at most.
        on_match: Gets the streams of these names as soon as there is one of each, while the search for others goes on;
            most likely these streams will be returned.

    Raises:
        InputError: A stream is missing (the others on the network are named), or a name stands for several.
    """

    def enough(infos: list[pylsl.StreamInfo]) -> bool:
        summaries = [summarise(info) for info in infos]
        matches = [_matches(name, summaries) for name in names]
        if not all(matches):
            return False
        on_match([infos[i] for i in sorted({i for match in matches for i in match})])
        return True

    infos = _resolve(timeout, enough)
    summaries = [summarise(info) for info in infos]
    return [infos[choose(name, summaries, timeout)] for name in names]


def choose(name: str, streams: Sequence[StreamSummary], timeout: float) -> int:
    """Return the index of the one stream that is called NAME or NAME@SOURCE_ID.

    Args:
        name: NAME or NAME@SOURCE_ID.
        streams: All streams on the network.
        timeout: Seconds for which they were looked for.

    Raises:
        InputError: No stream has that name, or several have.
    """
    matches = _matches(name, streams)
    if len(matches) == 1:
        return matches[0]
    if matches:
        sources = [f"{streams[i].name}@{streams[i].source_id}" for i in matches]
        advice = f"name one by its source id: {' or '.join(sources)}"
        if len(set(sources)) < len(sources):
            advice = f"stop one of them ({', '.join(str(streams[i]) for i in matches)}): their source ids are equal"
        raise InputError(f"found {len(matches)} LSL streams for {name!r}, expected one: {advice}")
    if not streams:
        raise InputError(
            f"found no LSL stream at all within {timeout:g} s, expected {name!r}: start the device's LSL outlet,"
            " and check that both machines are on one network whose firewall lets liblsl's ports 16571-16604 through"
        )
    raise InputError(
        f"found no LSL stream named {name!r} within {timeout:g} s, only {'; '.join(map(str, streams))}:"
        " name one of these, or start the device's LSL outlet"
    )


def _matches(name: str, streams: Sequence[StreamSummary]) -> list[int]:
    """Return the indices of the streams called NAME, or where there are none, NAME@SOURCE_ID."""
    by_name = [i for i, stream in enumerate(streams) if stream.name == name]
    return by_name or [i for i, stream in enumerate(streams) if f"{stream.name}@{stream.source_id}" == name]


def _resolve(timeout: float, enough: Callable[[list[pylsl.StreamInfo]], bool]) -> list[pylsl.StreamInfo]:
    """Return all streams seen within `timeout` s, or until a little after `enough` was first true of them."""
    resolver = pylsl.ContinuousResolver()
    end = time.monotonic() + timeout
    lingers = False
    while (now := time.monotonic()) < end:
        if not lingers and enough(resolver.results()):
            lingers = True
            end = min(end, now + _LINGER_S)
        time.sleep(min(_POLL_S, end - now))
    infos: list[pylsl.StreamInfo] = resolver.results()
    return infos


def _described(info: pylsl.StreamInfo) -> pylsl.StreamInfo:
    """Return a stream's info with its description, without where it does not answer."""
    # An inlet that is never opened for data is no consumer in its outlet's eyes: looking must not set off a player.
    with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):
        return pylsl.StreamInlet(info).info(timeout=_DESCRIPTION_S)
    return info


def _of_channels(info: pylsl.StreamInfo, field: str) -> tuple[str, ...]:
    """Return desc/channels/channel/FIELD of each channel, as the XDF convention has it; () where all are missing."""
    values = [channel.child_value(field).strip() for channel in _channels(info)][: info.channel_count()]
    values += [""] * (info.channel_count() - len(values))
    return tuple(values) if any(values) else ()


def _channels(info: pylsl.StreamInfo) -> Iterator[Any]:
    """Yield the channel elements of a stream's description."""
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        yield channel
        channel = channel.next_sibling("channel")
