"""A search for a stream that liblsl does not take up again: by its name, in a thread of its own."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event

from adapters.files.closing import Closing
from adapters.lsl.discover import resolve
from adapters.lsl.inlet import StreamInlet, connected
from messages.errors import InputError
from messages.signal import Layout

_ROUND_S = 2.0
"""Seconds of one round of the search; closing waits for no longer."""
_PAUSE_S = 0.2
"""Seconds between two rounds, since a round may end at once."""


class Reconnect(Closing):
    """Searches until the stream is there again, fits, and gives data, or until it is closed.

    Args:
        name: NAME or NAME@SOURCE_ID, as the stream was asked for.
        layout: What the bundle needs.
        sides: Sides of the layout that the stream carries.
        old_uid: Unique id of the outlet that is silent, which is passed over.
    """

    def __init__(self, name: str, layout: Layout, sides: Sequence[str], old_uid: str) -> None:
        self.name = name
        self._layout = layout
        self._sides = tuple(sides)
        self._old_uid = old_uid
        self._is_over = Event()
        self._pool = ThreadPoolExecutor(1, "lsl-reconnect")
        self._search: Future[StreamInlet | None] = self._pool.submit(self._run)

    def inlet(self) -> StreamInlet | None:
        """Return the stream, subscribed to, once it is there; None until then."""
        return self._search.result() if self._search.done() else None

    def close(self) -> None:
        """End the search, and wait for its end."""
        self._is_over.set()
        self._pool.shutdown(wait=True)

    def abandon(self) -> None:
        """End the search without waiting; a stream that it still finds is let go of."""
        self._is_over.set()
        self._pool.shutdown(wait=False)

    def _run(self) -> StreamInlet | None:
        while not self._is_over.wait(_PAUSE_S):
            # An error means that the stream is not there yet, does not fit, or does not answer.
            with suppress(InputError):
                (info,) = resolve([self.name], _ROUND_S)
                if info.uid() != self._old_uid:
                    inlet = StreamInlet(info, connected(info), self._layout, self._sides)
                    inlet.open()
                    return inlet
        return None
