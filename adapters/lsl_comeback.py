"""A stream that has ended and that liblsl cannot take up again: looked for by its name, in a thread of its own."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from adapters.closing import Closing
from adapters.lsl_delivery import StreamInlet, connected
from adapters.lsl_streams import resolve
from decoder.errors import InputError
from streamer.chunk import Layout

_LOOK = 2.0  # seconds of looking at a time: closing waits for no longer
_PAUSE = 0.2  # seconds between two looks, when a look ends at once


class Comeback(Closing):
    """Looks until the stream is there again, fits and gives data, or until it is closed.

    Args:
        name: NAME or NAME@SOURCE_ID, as the stream was asked for.
        layout: What the bundle needs.
        sides: Of the layout that the stream carries.
    """

    def __init__(self, name: str, layout: Layout, sides: Sequence[str]) -> None:
        self.name = name
        self.why = ""
        """Why what was found does not do, or that nothing was."""
        self._layout = layout
        self._sides = tuple(sides)
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

    def _look(self) -> StreamInlet | None:
        while not self._closed.wait(_PAUSE):
            try:
                (info,) = resolve([self.name], _LOOK)
                inlet = StreamInlet(info, connected(info), self._layout, self._sides)
                inlet.open()
            except InputError as error:
                self.why = str(error)
            else:
                return inlet
        return None
