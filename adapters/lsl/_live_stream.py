"""One stream of a live source: its inlet, and the search for another one of its name while it is away."""

from collections.abc import Callable
from typing import Protocol

from adapters.files.closing import Closing
from adapters.lsl._reconnect import Reconnect
from adapters.lsl.discover import StreamSummary
from adapters.lsl.inlet import StreamLostError
from messages.notice import Notice
from messages.signal import Layout
from streamer.arrival.intake import Delivery

SILENT_S = 0.2
"""Seconds without a sample after which a stream counts as silent."""
_SEARCH_AFTER_S = 10.0
"""Seconds of silence after which liblsl is not alone in looking for a stream."""


class Inlet(Protocol):
    """The members of an inlet that a source uses; `StreamInlet` is the real one."""

    @property
    def stream(self) -> StreamSummary:
        """The stream's description of itself."""
        ...

    @property
    def sides(self) -> tuple[str, ...]:
        """Sides of the layout that the stream carries."""
        ...

    @property
    def uid(self) -> str:
        """Unique id of the outlet."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions about the stream, a sentence each."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether the stream numbers its samples."""
        ...

    @property
    def shift(self) -> float:
        """Seconds added to the stamps, since they are not of the receiver's clock."""
        ...

    def pull(self, timeout: float) -> Delivery | None:
        """Return all samples that have come, once there is one; None after `timeout` s without any."""
        ...

    def flush(self) -> int:
        """Drop all samples that have come; return how many."""
        ...

    def close(self) -> None:
        """Leave the stream."""
        ...


class LiveStream(Closing):
    """One stream of a source.

    A stream that breaks off is looked for by liblsl itself if it has a source id. If it has none (`StreamLostError`),
    or stays silent for 10 s, it is looked for by its name as well, and whichever finds it first goes on.

    Args:
        name: NAME or NAME@SOURCE_ID, as the stream was asked for.
        inlet: Inlet of the stream.
        layout: What the bundle needs.
        clock: Returns the time now, in s, on the clock of the inlet's stamps.
        sleep: Lets so many seconds of it pass.
        reconnects: Whether a stream that stays away is looked for by its name.
    """

    def __init__(
        self,
        name: str,
        inlet: Inlet,
        layout: Layout,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        reconnects: bool,
    ) -> None:
        self.inlet = inlet
        self.last_arrival = clock()
        """Time of the last delivery, or of the subscription, in s."""
        self.returns = 0
        """How often the stream was taken up again by its name."""
        self.has_ended = False
        """Whether the inlet brings nothing any more, since liblsl does not look for its stream."""
        self._name = name
        self._layout = layout
        self._clock, self._sleep = clock, sleep
        self._reconnects = reconnects
        self._reconnect: Reconnect | None = None

    @property
    def is_silent(self) -> bool:
        """Whether no sample has come for 0.2 s."""
        return self._clock() - self.last_arrival > SILENT_S

    def pull(self, timeout: float) -> Delivery | None:
        """Return all samples that have come, once there is one; None after `timeout` s, or when the stream ends."""
        if self._reconnect and (inlet := self._reconnect.inlet()):
            self._exchange(inlet)
        if self.has_ended:
            self._sleep(timeout)
            return None
        try:
            delivery = self.inlet.pull(timeout)
        except StreamLostError:
            self.has_ended = True
            self._search()
            return None
        if delivery is None:
            if self._clock() - self.last_arrival > _SEARCH_AFTER_S:
                self._search()
            return None
        self.last_arrival = delivery.arrived
        if self._reconnect:
            # liblsl has found the stream first.
            self._reconnect.abandon()
            self._reconnect = None
        return delivery

    def notices(self) -> list[Notice]:
        """Return what is wrong with the stream at the moment."""
        notices = []
        name = self.inlet.stream.name
        if self._reconnect and self.has_ended:
            notices.append(Notice("stream-ended", name))
        elif self._reconnect:
            notices.append(Notice("stream-silent", name, {"seconds": _SEARCH_AFTER_S}))
        if self.inlet.shift:
            notices.append(Notice("other-clock", name, {"behind": self.inlet.shift}))
        return notices

    def close(self) -> None:
        """Leave the stream, and end the search for it."""
        if self._reconnect:
            self._reconnect.close()
            if inlet := self._reconnect.inlet():
                inlet.close()
        self.inlet.close()

    def _search(self) -> None:
        if self._reconnects and self._reconnect is None:
            self._reconnect = Reconnect(self._name, self._layout, self.inlet.sides, self.inlet.uid)

    def _exchange(self, inlet: Inlet) -> None:
        """Go on with the inlet that was found by the stream's name."""
        if self._reconnect:
            self._reconnect.close()
        self._reconnect = None
        self.inlet.close()
        self.inlet = inlet
        self.has_ended = False
        self.last_arrival = self._clock()
        self.returns += 1
