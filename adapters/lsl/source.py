"""Live samples from LSL: one stream with all bands, or one stream per band, on this machine's LSL clock.

Times are `pylsl.local_clock()` seconds: the device's stamps with clock synchronisation, dejittered by counting samples.
A stream that breaks off is taken up again when it returns, by liblsl where it has a source id, else by its name; until
then `pull` returns None, `notices` says why, and the caller watches for stalls.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pylsl

from adapters.files.closing import Closing
from adapters.lsl._live_stream import Inlet, LiveStream
from adapters.lsl.channels import MODULUS
from adapters.lsl.discover import resolve
from adapters.lsl.inlet import StreamInlet, connected
from messages.errors import InputError
from messages.notice import Notice, sentences
from messages.signal import Chunk, Layout, joined
from streamer.arrival.aligner import BandAligner
from streamer.arrival.intake import Intake
from streamer.arrival.merger import Merger


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source treats bad samples and lost streams."""

    stale: float = math.inf
    """Seconds: samples that are older when they come are dropped."""
    withhold: bool = False
    """Whether samples whose level contradicts their unit, or of a wrong rate, are withheld, not passed or refused."""
    reconnects: bool = True
    """Whether a stream that stays away is looked for by its name."""


class LSLSource(Closing):
    """Chunks from one or several inlets. Use `open_stream`, `open_bands` or `open_sources`, in a `with`.

    Args:
        inlets: One of all bands or one per band, by the name that each stream was asked for.
        layout: Layout of the chunks.
        options: How bad samples and lost streams are treated.
        clock: Returns the time now, in s, on the clock of the inlets' stamps.
        sleep: Lets so many seconds of it pass.
    """

    def __init__(
        self,
        inlets: Mapping[str, Inlet],
        layout: Layout,
        options: SourceOptions,
        *,
        clock: Callable[[], float] = pylsl.local_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.layout = layout
        self.notes = tuple(note for inlet in inlets.values() for note in inlet.notes)
        """Assumptions about the streams, a sentence each, for the user."""
        self.description = " and ".join(str(inlet.stream) for inlet in inlets.values())
        """The streams in words."""
        intakes = [
            Intake(
                inlet.stream.name,
                layout.rate,
                MODULUS if inlet.numbered else None,
                options.stale,
                withhold=options.withhold,
            )
            for inlet in inlets.values()
        ]
        self.merger = Merger(layout, intakes, withhold=options.withhold)
        """Makes one signal of the streams."""
        self._streams = [
            LiveStream(name, inlet, layout, clock=clock, sleep=sleep, reconnects=options.reconnects)
            for name, inlet in inlets.items()
        ]
        self._clock = clock
        self._newest: float | None = None

    def pull(self, timeout: float) -> Chunk | None:
        """Return all that has come, as soon as there is a sample of every band; None where `timeout` s bring none.

        Samples missing for up to 200 ms are there as NaN. It blocks inside liblsl: signals are seen only afterwards, so
        keep the timeout under a second.

        Raises:
            InputError: A stream turns out to be a wrong one (its rate); no more samples can come.
        """
        end = self._clock() + timeout
        while True:
            wait = max(0.0, end - self._clock())
            needed = self.aligner.waiting_for if self.aligner else 0
            pieces = self._take(needed, wait)
            for number in range(len(self._streams)):
                if number != needed:
                    pieces += self._take(number, 0.0)
            chunk = joined(pieces)
            if chunk is not None:
                self._newest = float(chunk.times[-1])
                return chunk
            if wait == 0.0:
                return None

    def flush(self) -> int:
        """Drop all that has come so far; return the samples of one stream dropped. They do not count as lost."""
        self.merger.reset()
        return max(stream.inlet.flush() for stream in self._streams)

    @property
    def aligner(self) -> BandAligner | None:
        """Pairs separate bands; None for a single stream."""
        return self.merger.aligner

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where no stream numbers its samples."""
        return self.merger.lost

    @property
    def age(self) -> float | None:
        """Seconds since the newest sample that `pull` returned was taken; None before the first."""
        return None if self._newest is None else self._clock() - self._newest

    def silent(self) -> list[str]:
        """Return the names of the streams that bring no samples."""
        return [stream.inlet.stream.name for stream in self._streams if stream.is_silent]

    def notices(self) -> list[Notice]:
        """Return what is wrong at the moment, or done to some streams' samples."""
        return [*chain.from_iterable(stream.notices() for stream in self._streams), *self.merger.notices()]

    def problems(self) -> list[str]:
        """Return the notices, a sentence each."""
        return sentences(self.notices())

    def figures(self) -> dict[str, Any]:
        """Return the figures for the status: milliseconds and counts; age_ms is the newest sample's age now."""
        age = self.age
        return {
            "age_ms": None if age is None else round(1e3 * age, 1),
            "silent": self.silent(),
            "back": sum(stream.returns for stream in self._streams),
            **self.merger.figures(),
        }

    def close(self) -> None:
        """Leave the streams."""
        for stream in self._streams:
            stream.close()

    def _take(self, number: int, timeout: float) -> list[Chunk]:
        """Return the chunks that the next delivery of a stream completes."""
        delivery = self._streams[number].pull(timeout)
        return [] if delivery is None else self.merger.push(number, delivery)


def open_stream(name: str, layout: Layout, timeout: float) -> LSLSource:
    """Open one stream with the samples of all bands.

    Args:
        name: The stream's NAME, or NAME@SOURCE_ID.
        layout: What the bundle needs.
        timeout: Seconds to wait for the stream to appear.

    Raises:
        InputError: No such stream, several, or one that does not fit the layout.
    """
    return open_sources([([name], layout)], timeout)[0]


def open_bands(names: Sequence[str], layout: Layout, timeout: float) -> LSLSource:
    """Open one stream per band; they are paired by their time stamps.

    Args:
        names: Names of the streams, as in `open_stream`, in the order of the layout's sides.
        layout: What the bundle needs.
        timeout: Seconds to wait for the streams to appear.

    Raises:
        InputError: As in `open_stream`.
    """
    _check_bands(names, layout)
    return open_sources([(names, layout)], timeout)[0]


def open_sources(
    requests: Sequence[tuple[Sequence[str], Layout]], timeout: float, stale: float = math.inf, *, withhold: bool = False
) -> list[LSLSource]:
    """Open several people's streams: looked for together, and all subscribed to at the end.

    Args:
        requests: For each person, the name of one stream with all bands, or the names of one stream per band; and the
            layout that the bundle needs.
        timeout: Seconds to wait for the streams to appear.
        stale: Seconds: samples that are older when they come are dropped.
        withhold: Whether samples whose level contradicts their unit, or of a wrong rate, are withheld.

    Raises:
        InputError: As in `open_stream` and `open_bands`, or two names for the same stream.
    """
    for names, layout in requests:
        if len(names) != 1:
            _check_bands(names, layout)
    infos, early = _resolved([name for names, _ in requests for name in names], timeout)
    next_info = iter(infos)
    people: list[dict[str, StreamInlet]] = []
    try:
        for names, layout in requests:
            people.append({})
            sides = [layout.sides] if len(names) == 1 else [(side,) for side in layout.sides]
            for name, carried in zip(names, sides, strict=True):
                info = next(next_info)
                people[-1][name] = StreamInlet(info, early.get(info.uid()) or connected(info), layout, carried)
        # All that takes long is done: samples that are sent from now on arrive, those of all streams alike.
        for inlet in chain.from_iterable(inlets.values() for inlets in people):
            inlet.open()
    except InputError:
        for inlet in chain.from_iterable(inlets.values() for inlets in people):
            inlet.close()
        raise
    options = SourceOptions(stale, withhold)
    return [LSLSource(inlets, layout, options) for inlets, (_, layout) in zip(people, requests, strict=True)]


def _resolved(names: Sequence[str], timeout: float) -> tuple[list[pylsl.StreamInfo], Mapping[str, Any]]:
    """Return the streams of these names, and by unique id the inlets that were connected while others were looked for.

    Raises:
        InputError: As in `resolve`, or two names for the same stream.
    """
    early: dict[str, Any] = {}

    def connect(infos: Sequence[pylsl.StreamInfo]) -> None:
        early.update((info.uid(), connected(info)) for info in infos)

    infos = resolve(names, timeout, connect)
    names_by_uid: dict[str, str] = {}
    for name, info in zip(names, infos, strict=True):
        other = names_by_uid.setdefault(info.uid(), name)
        if other != name:
            raise InputError(f"{other!r} and {name!r} are the same LSL stream, expected two: name the other")
    return infos, early


def _check_bands(names: Sequence[str], layout: Layout) -> None:
    """Raise an error unless there is one name per band, each another one."""
    if len(names) != layout.bands:
        sides = ", ".join(layout.sides)
        raise InputError(f"{len(names)} streams are named, expected one per band: name those of {sides} (--bands)")
    if len(set(names)) < len(names):
        raise InputError(
            f"stream {names[0]!r} is named for several bands, expected one stream per band: name the other (--bands)"
        )
