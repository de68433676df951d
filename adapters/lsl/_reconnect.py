"""A stream that liblsl does not take up again: looked for by its name, in a thread of its own."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event

from adapters.files.closing import Closing
from adapters.lsl.discover import resolve
from adapters.lsl.inlet import StreamInlet, connected
from messages.errors import InputError
from messages.signal import Layout

_LOOK = 2.0  # seconds of looking at a time: closing waits for no longer
_PAUSE = 0.2  # seconds between two looks, when a look ends at once


class Comeback(Closing):
    """Looks until the stream is there again, fits and gives data, or until it is closed.

    Args:
        name: NAME or NAME@SOURCE_ID, as the stream was asked for.
        layout: What the bundle needs.
        sides: Of the layout that the stream carries.
        old: Unique id of the outlet that is silent: it is not what is looked for.
    """

    def __init__(self, name: str, layout: Layout, sides: Sequence[str], old: str) -> None:
        self.name = name
        self._layout = layout
        self._sides = tuple(sides)
        self._old = old
        self._closed = Event()
        self._pool = ThreadPoolExecutor(1, "lsl-comeback")
        self._found: Future[StreamInlet | None] = self._pool.submit(self._look)

    def inlet(self) -> StreamInlet | None:
        """The stream, subscribed to, once it is there; None until then."""
        return self._found.result() if self._found.done() else None

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self._pool.shutdown(wait=True)

    def abandon(self) -> None:
        """Look no more, without waiting: what is found meanwhile is let go of."""
        self._closed.set()
        self._pool.shutdown(wait=False)

    def _look(self) -> StreamInlet | None:
        while not self._closed.wait(_PAUSE):
            with suppress(InputError):  # it is not there yet, does not fit, or does not answer
                (info,) = resolve([self.name], _LOOK)
                if info.uid() != self._old:
                    inlet = StreamInlet(info, connected(info), self._layout, self._sides)
                    inlet.open()
                    return inlet
        return None
