"""One LSL stream: its samples as electrodes in the layout's unit, its stamps brought to this machine's LSL clock.

Clock synchronisation and nothing else. (liblsl's dejittering smooths over gaps, and all post-processing together stalls
at the first data. The synchronisation is asked for here: liblsl's own waits for it inside a pull, when a stream has
come back, up to 5 s.)
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pylsl

from adapters.lsl.channels import map_channels
from adapters.lsl.discover import summarise
from messages.errors import InputError
from messages.signal import Layout
from streamer.arrival.intake import Delivery
from streamer.arrival.stamp_shift import StampShift

_BUFFER = 10  # seconds that liblsl keeps for us; what it drops beyond is lost, as the count of samples shows
_PULL = 1024  # samples per call of liblsl
_MOST = 20 * _PULL  # samples at most per pull: what liblsl keeps, so that a backlog comes at once
_ANSWER = 5.0  # seconds for a stream's description, its data and its clock, each
_PIECE = 0.3  # seconds of waiting for an answer at a time


class StreamLostError(InputError):
    """A stream has ended that liblsl cannot take up again, since it has no source id."""


def connected(info: pylsl.StreamInfo) -> Any:
    """An inlet that has begun to estimate the clocks' difference, which takes liblsl 0.64 s: meanwhile others begin."""
    # recover: liblsl reconnects by itself to a stream that has a source id.
    inlet = pylsl.StreamInlet(info, _BUFFER, recover=True, processing_flags=pylsl.proc_none)
    with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):  # who waits for the answer is told
        inlet.time_correction(timeout=0.0)
    return inlet


class StreamInlet:
    """One stream, found and connected, that carries these sides of a layout.

    Raises:
        InputError: It gives no answer, or does not fit.
    """

    def __init__(self, info: pylsl.StreamInfo, inlet: Any, layout: Layout, sides: Sequence[str]) -> None:
        self._inlet = inlet
        # The description comes before the data: to a stream that nobody asked for it, a pull blocks for ever once its
        # outlet is gone, whatever its timeout says (liblsl 1.18; compare liblsl#201).
        self.stream = summarise(self._answer(info, "description", self._inlet.info))
        channels = map_channels(self.stream, layout, sides)
        # Without the first estimate here, the first pull would wait for it.
        self._answer(info, "clock", self._inlet.time_correction)
        self._info = info
        self.sides = tuple(sides)
        self.uid: str = info.uid()
        """Of the outlet that was found: another one of the same name has another."""
        self.notes = channels.notes
        """What was assumed, a sentence each."""
        self.numbered = channels.number is not None
        """Whether the stream counts its samples."""
        self._shift = StampShift()
        self._columns, self._number = channels.columns, channels.number
        self._scale = None if np.all(channels.scale == 1) else channels.scale
        self._raw = np.empty((_MOST, self.stream.channels), dtype=self.stream.format)

    @property
    def shift(self) -> float:
        """Seconds added to the stamps, since they are not of the LSL clock."""
        return self._shift.seconds

    def open(self) -> None:
        """Subscribe to the data."""
        self._answer(self._info, "data", self._inlet.open_stream)

    def pull(self, timeout: float) -> Delivery | None:
        """All that has come, once there is one sample; None after `timeout` s.

        Raises:
            StreamLostError: The stream has ended.
        """
        try:
            # Known at once but for most of a second after a recovery; what comes then waits in liblsl until it is.
            offset = self._inlet.time_correction(timeout)
            # Wait for one, then take what else is there: liblsl itself would wait for the buffer to fill.
            _, stamps = self._inlet.pull_chunk(timeout, 1, self._raw)
            if not stamps:
                return None
            while len(stamps) < _MOST:
                more = self._inlet.pull_chunk(0.0, min(_PULL, _MOST - len(stamps)), self._raw[len(stamps) :])[1]
                stamps += more
                if len(more) < _PULL:
                    break
        except pylsl.util.TimeoutError:
            return None
        except pylsl.util.LostError as error:
            raise StreamLostError(
                f"stream {self.stream.name!r} has ended, expected it to go on: start it again, best with a source id"
            ) from error
        raw = self._raw[: len(stamps)]
        samples = raw[:, self._columns].astype(np.float32)
        if self._scale is not None:
            samples *= self._scale
        numbers = None if self._number is None else raw[:, self._number].astype(np.int64)
        arrived = float(pylsl.local_clock())
        times = self._shift.push(np.array(stamps) + offset, arrived, drained=len(stamps) < _MOST)
        return Delivery(samples, times, numbers, arrived)

    def flush(self) -> int:
        """Drop what has come; how many samples."""
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
