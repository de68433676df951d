"""Live samples from LSL: one stream with both bands, or one stream for each, on this machine's LSL clock.

Times are `pylsl.local_clock()` seconds: the sender's stamps with clock synchronisation, dejittered by counting samples.
A stream that breaks off is taken up again when it returns, by liblsl where it has a source id, else by its name; until
then `pull` gives None, `problems` says why, and whoever pulls watches for stalls.
"""

import math
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol

import pylsl

from adapters.files.closing import Closing
from adapters.lsl._reconnect import Comeback
from adapters.lsl.channels import NUMBERS
from adapters.lsl.discover import StreamSummary, resolve
from adapters.lsl.inlet import StreamInlet, StreamLostError, connected
from messages.errors import InputError
from messages.notice import sentences
from messages.signal import Chunk, Layout, joined
from streamer.arrival.aligner import BandAligner
from streamer.arrival.intake import Delivery, Intake
from streamer.arrival.merger import Merger

SILENT = 0.2
"""Seconds without a sample after which a stream counts as silent."""
_GIVEN_UP = 10.0  # seconds of silence after which liblsl is not alone in looking for a stream


class Inlet(Protocol):
    """What a source asks of one stream; `StreamInlet` documents it."""

    @property
    def stream(self) -> StreamSummary: ...
    @property
    def sides(self) -> tuple[str, ...]: ...
    @property
    def uid(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def numbered(self) -> bool: ...
    @property
    def shift(self) -> float: ...
    def pull(self, timeout: float) -> Delivery | None: ...
    def flush(self) -> int: ...
    def close(self) -> None: ...


class LSLSource(Closing):
    """Chunks from one or several inlets. Use `open_stream`, `open_bands` or `open_sources`, in a `with`.

    Args:
        names: As the streams were asked for.
        inlets: Of these streams.
        layout: What comes out.
        stale: Seconds: what is older when it comes is dropped.
        withhold: Whether samples whose level contradicts their unit, or of another rate, are withheld.
        clock: Seconds, on which the inlets' stamps are.
        comebacks: Whether a stream that stays away is looked for by its name.
    """

    def __init__(
        self,
        names: Sequence[str],
        inlets: Sequence[Inlet],
        layout: Layout,
        stale: float,
        *,
        withhold: bool,
        clock: Callable[[], float] = pylsl.local_clock,
        comebacks: bool = True,
    ) -> None:
        self.layout = layout
        self.notes = tuple(note for inlet in inlets for note in inlet.notes)
        """What was assumed about the streams, a sentence each: tell it to the user."""
        self.description = " and ".join(str(inlet.stream) for inlet in inlets)
        """The streams in words."""
        intakes = [
            Intake(inlet.stream.name, layout.rate, NUMBERS if inlet.numbered else None, stale, withhold=withhold)
            for inlet in inlets
        ]
        self.merger = Merger(layout, intakes, withhold=withhold)
        """What makes one signal of them."""
        self.back = 0
        """How often a stream was taken up again by its name."""
        self._names = tuple(names)
        self._inlets = list(inlets)
        self._clock = clock
        self._comebacks = comebacks
        self._away: dict[int, Comeback] = {}  # streams that are looked for
        self._ended: set[int] = set()  # those of them that liblsl does not look for
        self._heard = [self._clock()] * len(inlets)  # when something came, of each
        self._newest: float | None = None

    def pull(self, timeout: float) -> Chunk | None:
        """What has come, as soon as there is at least one sample of every band; None when `timeout` s bring none.

        What is missing for up to 200 ms is there as samples that are no numbers. Blocks inside liblsl: signals are seen
        only afterwards, so keep the timeout under a second.

        Raises:
            InputError: A stream turns out to be another one (its rate); none can come any more.
        """
        end = self._clock() + timeout
        while True:
            wait = max(0.0, end - self._clock())
            needed = self.aligner.waiting_for if self.aligner else 0
            pieces = self._take(needed, wait)
            for stream in range(len(self._inlets)):
                if stream != needed:
                    pieces += self._take(stream, 0.0)
            chunk = joined(pieces)
            if chunk is not None:
                self._newest = float(chunk.times[-1])
                return chunk
            if wait == 0.0:
                return None

    def flush(self) -> int:
        """Drop all that has come so far; samples of one stream dropped. They are not counted as lost."""
        self.merger.reset()
        return max(inlet.flush() for inlet in self._inlets)

    @property
    def aligner(self) -> BandAligner | None:
        """What pairs separate bands; None for a single stream."""
        return self.merger.aligner

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where no stream counts its samples."""
        return self.merger.lost

    @property
    def age(self) -> float | None:
        """Seconds since the newest sample that `pull` gave was taken; None before the first."""
        return None if self._newest is None else self._clock() - self._newest

    def silent(self) -> list[str]:
        """Streams that nothing comes from."""
        now = self._clock()
        return [
            inlet.stream.name for inlet, heard in zip(self._inlets, self._heard, strict=True) if now - heard > SILENT
        ]

    def problems(self) -> list[str]:
        """What is wrong at the moment, a sentence each."""
        gone = [
            f"stream {self._inlets[stream].stream.name!r} "
            + ("has ended and has no source id" if stream in self._ended else f"has been silent for {_GIVEN_UP:g} s")
            + ": looking for another one of its name"
            for stream in self._away
        ]
        moved = [
            f"the time stamps of stream {inlet.stream.name!r} are {inlet.shift:.1f} s behind this machine's LSL clock: "
            "its samples are taken as of when they come; have the device stamp them by LSL's clock"
            for inlet in self._inlets
            if inlet.shift
        ]
        return [*gone, *sentences(self.merger.notices()), *moved]

    def figures(self) -> dict[str, Any]:
        """For the status: milliseconds and counts; age_ms is that of the newest sample now."""
        age = self.age
        return {
            "age_ms": None if age is None else round(1e3 * age, 1),
            "silent": self.silent(),
            "back": self.back,
            **self.merger.figures(),
        }

    def close(self) -> None:
        """Leave the streams."""
        for comeback in self._away.values():
            comeback.close()
            if found := comeback.inlet():
                found.close()
        for inlet in self._inlets:
            inlet.close()

    def _take(self, stream: int, timeout: float) -> list[Chunk]:
        """What a stream brings, or nothing while it is looked for."""
        if stream in self._away and not self._returned(stream) and stream in self._ended:
            time.sleep(timeout)
            return []
        try:
            delivery = self._inlets[stream].pull(timeout)
        except StreamLostError:
            self._ended.add(stream)
            self._look(stream)
            return []
        if delivery is None:
            if self._clock() - self._heard[stream] > _GIVEN_UP:
                self._look(stream)
            return []
        self._heard[stream] = delivery.arrived
        if stream in self._away:
            self._away.pop(stream).abandon()  # liblsl has found it first
        return self.merger.push(stream, delivery)

    def _look(self, stream: int) -> None:
        if self._comebacks and stream not in self._away:
            lost = self._inlets[stream]
            self._away[stream] = Comeback(self._names[stream], self.layout, lost.sides, lost.uid)

    def _returned(self, stream: int) -> bool:
        found = self._away[stream].inlet()
        if found is None:
            return False
        self._away.pop(stream).close()
        self._inlets[stream].close()
        self._inlets[stream] = found
        self._ended.discard(stream)
        self._heard[stream] = self._clock()
        self.back += 1
        return True


def open_stream(name: str, layout: Layout, timeout: float) -> LSLSource:
    """Samples of all bands from one stream.

    Args:
        name: The stream's NAME, or NAME@SOURCE_ID.
        layout: What the bundle needs.
        timeout: Seconds to wait for the stream to appear.

    Raises:
        InputError: No such stream, several, or one that does not fit the layout.
    """
    return open_sources([([name], layout)], timeout)[0]


def open_bands(names: Sequence[str], layout: Layout, timeout: float) -> LSLSource:
    """Samples of one stream per band, paired by their time stamps; `names` in the order of the layout's sides.

    Other arguments and errors as in `open_stream`.
    """
    _check_bands(names, layout)
    return open_sources([(names, layout)], timeout)[0]


def open_sources(
    wanted: Sequence[tuple[Sequence[str], Layout]], timeout: float, stale: float = math.inf, *, withhold: bool = False
) -> list[LSLSource]:
    """Several people's samples: their streams are looked for together, and all subscribed to at the end.

    Args:
        wanted: Of each person, the name of one stream with all bands or those of one stream per band, and the layout.
        timeout: Seconds to wait for the streams to appear.
        stale: Seconds: what is older when it comes is dropped.
        withhold: Whether samples whose level contradicts their unit, or of another rate, are withheld.

    Raises:
        InputError: As `open_stream` and `open_bands`, or two names for the same stream.
    """
    for names, layout in wanted:
        if len(names) != 1:
            _check_bands(names, layout)
    every = [name for names, _ in wanted for name in names]
    begun: dict[str, Any] = {}

    def begin(infos: Sequence[pylsl.StreamInfo]) -> None:
        begun.update((info.uid(), connected(info)) for info in infos)

    infos = resolve(every, timeout, begin)
    found: dict[str, str] = {}
    for name, info in zip(every, infos, strict=True):
        other = found.setdefault(info.uid(), name)
        if other != name:
            raise InputError(f"{other!r} and {name!r} are the same LSL stream, expected two: name the other")
    stream = iter(infos)
    people: list[list[StreamInlet]] = []
    try:
        for names, layout in wanted:
            people.append([])
            for sides in [layout.sides] if len(names) == 1 else [[side] for side in layout.sides]:
                info = next(stream)
                people[-1].append(StreamInlet(info, begun.get(info.uid()) or connected(info), layout, sides))
        for inlet in chain(*people):  # all that takes long is done: what is sent from now on arrives, from all alike
            inlet.open()
    except InputError:
        for inlet in chain(*people):
            inlet.close()
        raise
    return [
        LSLSource(names, inlets, layout, stale, withhold=withhold)
        for inlets, (names, layout) in zip(people, wanted, strict=True)
    ]


def _check_bands(names: Sequence[str], layout: Layout) -> None:
    if len(names) != layout.bands:
        raise InputError(
            f"{len(names)} streams named, expected one for each of {', '.join(layout.sides)}: name them so"
        )
    if len(set(names)) < len(names):
        raise InputError(f"stream {names[0]!r} named for several bands, expected one stream for each: name the other")
