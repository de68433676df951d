"""Live samples from LSL: one stream with both bands, or one stream for each, on this machine's LSL clock.

Times are `pylsl.local_clock()` seconds: the sender's stamps, with clock synchronisation and nothing else. (Dejittering
smooths over gaps, and all post-processing together stalls at the first data. The synchronisation is asked for here:
liblsl's own waits for it inside a pull, when a stream has come back, up to 5 s.) A stream that breaks off is taken up
again by liblsl without a word when it returns; until then `pull` gives None, and whoever pulls watches for stalls.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pylsl

from adapters.closing import Closing
from adapters.lsl_channels import NUMBERS, map_channels
from adapters.lsl_streams import resolve, summarise
from decoder.errors import InputError
from streamer.aligner import BandAligner
from streamer.chunk import BandChunk, Chunk, Layout

_BUFFER = 10  # seconds that liblsl keeps for us; what it drops beyond shows as a gap in the times
_PULL = 1024  # samples at most per pull: a backlog comes in pieces that keep the loop responsive
_ANSWER = 5.0  # seconds for a stream's description, its data and its clock, each
_PIECE = 0.3  # seconds of waiting for an answer at a time
_RESTART = 1.0  # seconds: stamps that go back further are a source that started anew, less is the clock being synced


class StreamLostError(InputError):
    """A stream has ended that liblsl cannot take up again, since it has no source id."""


class LSLSource(Closing):
    """Chunks from one or several inlets. Use `open_stream`, `open_bands` or `open_sources`, in a `with`."""

    def __init__(self, inlets: Sequence["_Inlet"], layout: Layout) -> None:
        self.layout = layout
        self.notes = tuple(note for inlet in inlets for note in inlet.notes)
        """What was assumed about the streams, a sentence each: tell it to the user."""
        self.description = " and ".join(str(inlet.stream) for inlet in inlets)
        """The streams in words."""
        self.aligner = BandAligner(layout) if len(inlets) > 1 else None
        """What pairs separate bands; None for a single stream."""
        self._inlets = tuple(inlets)

    def pull(self, timeout: float) -> Chunk | None:
        """What has come, as soon as there is at least one sample of every band; None when `timeout` s bring none.

        Blocks inside liblsl: signals are seen only afterwards, so keep the timeout under a second.

        Raises:
            StreamLostError: The stream has ended for good.
        """
        if self.aligner is None:
            got = self._inlets[0].pull(timeout)
            return None if got is None else Chunk(got[0].reshape(-1, *self._shape), got[1], self.layout)
        end = time.monotonic() + timeout
        while True:
            wait = max(0.0, end - time.monotonic())
            needed = self.aligner.waiting_for
            pieces = [self._pull_band(needed, wait)]
            pieces += [self._pull_band(band, 0.0) for band in range(len(self._inlets)) if band != needed]
            chunks = [piece for piece in pieces if piece is not None]
            if chunks:
                return _joined(chunks)
            if wait == 0.0:
                return None

    def flush(self) -> int:
        """Drop all that has come so far (a backlog would be served oldest first); samples of one band dropped.

        Call it once all is warmed up, right before the first pull.
        """
        if self.aligner is not None:
            self.aligner.reset()
        return max(inlet.flush() for inlet in self._inlets)

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came, since the last flush; None where no stream counts its samples."""
        counts = [inlet.lost for inlet in self._inlets if inlet.lost is not None]
        return sum(counts) if counts else None

    def close(self) -> None:
        """Leave the streams."""
        for inlet in self._inlets:
            inlet.close()

    @property
    def _shape(self) -> tuple[int, int]:
        return self.layout.bands, self.layout.electrodes

    def _pull_band(self, band: int, timeout: float) -> Chunk | None:
        got = self._inlets[band].pull(timeout)
        if got is None or self.aligner is None:
            return None
        return self.aligner.push(BandChunk(got[0], got[1], band))


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


def open_sources(wanted: Sequence[tuple[Sequence[str], Layout]], timeout: float) -> list[LSLSource]:
    """Several people's samples: their streams are looked for together, and all subscribed to at the end.

    Args:
        wanted: Of each person, the name of one stream with all bands or those of one stream per band, and the layout.
        timeout: Seconds to wait for the streams to appear.

    Raises:
        InputError: As `open_stream` and `open_bands`, or two names for the same stream.
    """
    for names, layout in wanted:
        if len(names) != 1:
            _check_bands(names, layout)
    every = [name for names, _ in wanted for name in names]
    begun: dict[str, Any] = {}

    def begin(infos: Sequence[pylsl.StreamInfo]) -> None:
        begun.update((info.uid(), _connected(info)) for info in infos)

    infos = resolve(every, timeout, begin)
    found: dict[str, str] = {}
    for name, info in zip(every, infos, strict=True):
        other = found.setdefault(info.uid(), name)
        if other != name:
            raise InputError(f"{other!r} and {name!r} are the same LSL stream, expected two: name the other")
    stream = iter(infos)
    people: list[list[_Inlet]] = []
    try:
        for names, layout in wanted:
            people.append([])
            for sides in [layout.sides] if len(names) == 1 else [[side] for side in layout.sides]:
                info = next(stream)
                people[-1].append(_Inlet(info, begun.get(info.uid()) or _connected(info), layout, sides))
        for inlet in chain(*people):  # all that takes long is done: what is sent from now on arrives, from all alike
            inlet.open()
    except InputError:
        for inlet in chain(*people):
            inlet.close()
        raise
    return [LSLSource(inlets, layout) for inlets, (_, layout) in zip(people, wanted, strict=True)]


def _check_bands(names: Sequence[str], layout: Layout) -> None:
    if len(names) != layout.bands:
        raise InputError(
            f"{len(names)} streams named, expected one for each of {', '.join(layout.sides)}: name them so"
        )
    if len(set(names)) < len(names):
        raise InputError(f"stream {names[0]!r} named for several bands, expected one stream for each: name the other")


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    return Chunk(samples, np.concatenate([chunk.times for chunk in chunks]), chunks[0].layout)


def _connected(info: pylsl.StreamInfo) -> Any:
    """An inlet that has begun to estimate the clocks' difference, which takes liblsl 0.64 s: meanwhile others begin."""
    # recover: liblsl reconnects by itself to a stream that has a source id.
    inlet = pylsl.StreamInlet(info, _BUFFER, recover=True, processing_flags=pylsl.proc_none)
    with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):  # who waits for the answer is told
        inlet.time_correction(timeout=0.0)
    return inlet


class _Inlet:
    """One stream: electrodes in the layout's order and unit, clock-synchronised times, a count of lost samples."""

    def __init__(self, info: pylsl.StreamInfo, connected: Any, layout: Layout, sides: Sequence[str]) -> None:
        self._inlet = connected
        # The description comes before the data: to a stream that nobody asked for it, a pull blocks for ever once its
        # outlet is gone, whatever its timeout says (liblsl 1.18; compare liblsl#201).
        self.stream = summarise(self._answer(info, "description", self._inlet.info))
        channels = map_channels(self.stream, layout, sides)
        # Without the first estimate here, the first pull would wait for it.
        self._answer(info, "clock", self._inlet.time_correction)
        self._info = info
        self.notes = channels.notes
        self.lost: int | None = None if channels.number is None else 0
        self._columns, self._number = channels.columns, channels.number
        self._scale = None if np.all(channels.scale == 1) else channels.scale
        self._raw = np.empty((_PULL, self.stream.channels), dtype=self.stream.format)
        self._newest = -np.inf
        self._last_number: int | None = None

    def open(self) -> None:
        """Subscribe to the data."""
        self._answer(self._info, "data", self._inlet.open_stream)

    def pull(self, timeout: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]] | None:
        """(T, electrodes) in the layout's unit and (T,) s, once there is one sample; None after `timeout` s."""
        try:
            # Known at once but for most of a second after a recovery; what comes then waits in liblsl until it is.
            offset = self._inlet.time_correction(timeout)
            # Wait for one, then take what else is there: liblsl itself would wait for the buffer to fill.
            _, stamps = self._inlet.pull_chunk(timeout, 1, self._raw)
            if not stamps:
                return None
            stamps += self._inlet.pull_chunk(0.0, _PULL - 1, self._raw[1:])[1]
        except pylsl.util.TimeoutError:
            return None
        except pylsl.util.LostError as error:
            raise StreamLostError(
                f"stream {self.stream.name!r} has ended, expected it to go on: start it again, best with a source id,"
                " by which it is taken up again without a restart"
            ) from error
        raw = self._raw[: len(stamps)]
        if self._number is not None:
            self._count(raw[:, self._number])
        samples = raw[:, self._columns].astype(np.float32)
        if self._scale is not None:
            samples *= self._scale
        return samples, self._non_decreasing(np.array(stamps) + offset)

    def flush(self) -> int:
        """Drop what has come; how many samples."""
        self._last_number = None
        if self.lost is not None:
            self.lost = 0
        return int(self._inlet.flush())

    def close(self) -> None:
        """Leave the stream: destroying the inlet does that, at once; closing it first may race with its recovery."""
        self._inlet = None

    @staticmethod
    def _answer(info: pylsl.StreamInfo, what: str, ask: Callable[..., Any]) -> Any:
        end = time.monotonic() + _ANSWER
        while time.monotonic() < end:
            # In short pieces, which liblsl goes on from: a Ctrl-C is only seen between them.
            try:
                return ask(timeout=_PIECE)
            except pylsl.util.TimeoutError:
                continue
            except pylsl.util.LostError:
                break
        raise InputError(
            f"stream {info.name()!r} was found on {info.hostname()} but gave no {what}, expected it within"
            f" {_ANSWER:g} s: check that it still runs, and that the firewall lets ports 16572-16604 (TCP, UDP) through"
        )

    def _non_decreasing(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Small steps back, as a new clock estimate brings, are held level; a large one is a new beginning."""
        if times[0] >= self._newest - _RESTART:
            times[0] = max(times[0], self._newest)
        times = np.maximum.accumulate(times)
        self._newest = float(times[-1])
        return times

    def _count(self, numbers: npt.NDArray[np.generic]) -> None:
        counted = numbers.astype(np.int64)
        if self._last_number is not None:
            counted = np.concatenate([[self._last_number], counted])
        gaps = (np.diff(counted) - 1) % NUMBERS
        # Half the range ahead is as well half behind: the source counts anew, nothing is known to be lost.
        self.lost = (self.lost or 0) + int(gaps[gaps < NUMBERS // 2].sum())
        self._last_number = int(counted[-1])
