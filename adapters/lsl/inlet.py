"""One LSL stream: its samples as electrodes in the layout's unit, its stamps brought to this machine's LSL clock.

Of liblsl's post-processing nothing is on. Its dejittering smooths over gaps, and all of it together stalls at the first
data. Clock synchronisation is added here instead: liblsl's own waits for the first estimate inside a pull, up to 5 s,
when a stream has come back.
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

_BUFFER_S = 10
"""Seconds of samples that liblsl keeps; older ones are lost, as the sample numbers show."""
_CALL = 1024
"""Samples per call of liblsl."""
_PULL = 20 * _CALL
"""Samples per pull, at most: as many as liblsl keeps, so that a backlog comes at once."""
_ANSWER_S = 5.0
"""Seconds that a stream may take for its description, its data and its clock, each."""
_PATIENCE_S = 0.3
"""Seconds of waiting for an answer at a time."""


class StreamLostError(InputError):
    """A stream has ended, and liblsl cannot take it up again, since it has no source id."""


def connected(info: pylsl.StreamInfo) -> Any:
    """Return an inlet that has begun to estimate the clocks' difference; the estimate takes liblsl 0.64 s."""
    # recover: liblsl reconnects by itself to a stream that has a source id.
    inlet = pylsl.StreamInlet(info, _BUFFER_S, recover=True, processing_flags=pylsl.proc_none)
    # This call only starts the estimate; `StreamInlet` waits for it, and reports its errors.
    with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):
        inlet.time_correction(timeout=0.0)
    return inlet


class StreamInlet:
    """One stream that carries some sides of a layout."""

    def __init__(self, info: pylsl.StreamInfo, inlet: Any, layout: Layout, sides: Sequence[str]) -> None:
        """Ask the stream for its description and its clock, and check that it fits.

        Args:
            info: As resolved.
            inlet: As of `connected`.
            layout: What the bundle needs.
            sides: Sides of the layout that the stream carries.

        Raises:
            InputError: The stream gives no answer, or does not fit.
        """
        self._inlet = inlet
        # Ask for the description before the data: without it, a pull blocks for ever once the stream's outlet is gone,
        # whatever its timeout says (liblsl 1.18; compare liblsl#201).
        self.stream = summarise(self._answer(info, "description", self._inlet.info))
        channels = map_channels(self.stream, layout, sides)
        # Without the first estimate here, the first pull would wait for it.
        self._answer(info, "clock", self._inlet.time_correction)
        self._info = info
        self.sides = tuple(sides)
        self.uid: str = info.uid()
        """Unique id of the stream's outlet, which another outlet of the same name does not share."""
        self.notes = channels.notes
        """Assumptions about the stream, a sentence each."""
        self.numbered = channels.number is not None
        """Whether the stream numbers its samples."""
        self._shift = StampShift()
        self._columns, self._number = channels.columns, channels.number
        self._scale = None if np.all(channels.scale == 1) else channels.scale
        self._raw = np.empty((_PULL, self.stream.channels), dtype=self.stream.format)

    @property
    def shift(self) -> float:
        """Seconds added to the stamps, since they are not of the LSL clock."""
        return self._shift.seconds

    def open(self) -> None:
        """Subscribe to the data."""
        self._answer(self._info, "data", self._inlet.open_stream)

    def pull(self, timeout: float) -> Delivery | None:
        """Return all samples that have come, once there is one; None after `timeout` s without any.

        Raises:
            StreamLostError: The stream has ended.
        """
        try:
            # The offset is known at once, except for most of a second after a recovery; until then, samples wait in
            # liblsl.
            offset = self._inlet.time_correction(timeout)
            # Wait for one sample, then take all others that are there: liblsl itself would wait for a full buffer.
            _, stamps = self._inlet.pull_chunk(timeout, 1, self._raw)
            if not stamps:
                return None
            while len(stamps) < _PULL:
                more = self._inlet.pull_chunk(0.0, min(_CALL, _PULL - len(stamps)), self._raw[len(stamps) :])[1]
                stamps += more
                if len(more) < _CALL:
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
        times = self._shift.push(np.array(stamps) + offset, arrived, drained=len(stamps) < _PULL)
        return Delivery(samples, times, numbers, arrived)

    def flush(self) -> int:
        """Drop all samples that have come; return how many."""
        return int(self._inlet.flush())

    def close(self) -> None:
        """Leave the stream."""
        # Destroying the inlet leaves the stream at once; closing it first may race with its recovery.
        self._inlet = None

    @staticmethod
    def _answer(info: pylsl.StreamInfo, topic: str, ask: Callable[..., Any]) -> Any:
        """Return a stream's answer.

        Raises:
            InputError: There is none within `_ANSWER_S`.
        """
        end = time.monotonic() + _ANSWER_S
        while time.monotonic() < end:
            # Wait a little at a time, since a Ctrl-C is seen only in between; liblsl goes on where it was.
            try:
                return ask(timeout=_PATIENCE_S)
            except pylsl.util.TimeoutError:
                continue
            except pylsl.util.LostError:
                break
        raise InputError(
            f"stream {info.name()!r} was found on {info.hostname()} but gave no {topic}, expected it within"
            f" {_ANSWER_S:g} s: check that it still runs, and that the firewall lets ports 16572-16604 (TCP and UDP)"
            " through"
        )
