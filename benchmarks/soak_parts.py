"""Parts of the soak: a day's signal, and everything of one person that `emgtype serve` runs, but LSL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np

from adapters.files.closing import Closing
from adapters.wire.publisher import Publisher, PubSocket
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon, Sink, Wearer
from emgtype.live.people import gather
from emgtype.live.recent import Recent
from emgtype.texts import load_text
from messages.signal import Chunk
from messages.text import Key, KeySequence, TextEvent
from simulator.activities import clenching, mouse
from simulator.person import Person, make_person
from simulator.session import LAYOUT, simulate, typing_session

PAUSE = 2.0
"""Seconds without a press that make a pause."""
_RESTS = (("rest", None), ("mouse", mouse), ("clench", clenching))
_TYPED = 0.7  # of a day's time; the rest is resting, moving a mouse and clenching, a third each
_ROW = LAYOUT.bands * LAYOUT.electrodes * np.dtype(np.float32).itemsize


def write_day(path: Path, minutes: float, person: int, donning: int, hop: int) -> list[float]:
    """Write samples of typing, then of what hands do besides, whole hops of `hop` samples.

    Returns:
        The pauses: seconds from the first sample at which nothing has been pressed for PAUSE, each once.
    """
    who, rest = make_person(person), 60 * minutes * (1 - _TYPED) / len(_RESTS)
    session = typing_session(who, donning, load_text("test"), 60 * minutes * _TYPED)
    rows = 0
    with path.open("wb") as file:
        for chunk in _parts(session.chunks(), who, donning, rest):
            file.write(chunk.samples.tobytes())
            rows += len(chunk.times)
        file.truncate(rows // hop * hop * _ROW)
    presses = [key.start for key in session.keystrokes]
    return [one + PAUSE for one, next_one in pairwise(presses) if next_one - one >= PAUSE]


def _parts(typing: Iterator[Chunk], who: Person, donning: int, rest: float) -> Iterator[Chunk]:
    yield from typing
    for _, activity in _RESTS:
        yield from simulate(who, (), donning, 0.0, rest, activity=activity(rest, donning) if activity else None)


class Repeats:
    """A day's samples over and over, with time stamps that go on; a source that never waits.

    Args:
        path: Of the samples.
        start: Seconds: time of the first.
        piece: Samples at a time.
    """

    def __init__(self, path: Path, start: float, piece: int) -> None:
        self._rows = path.stat().st_size // _ROW
        self._path, self._start, self._piece = path, start, piece
        self._file = path.open("rb", buffering=0)
        self.count = 0
        """Samples so far."""

    @property
    def length(self) -> float:
        """Seconds until it begins again."""
        return self._rows / LAYOUT.rate

    @property
    def now(self) -> float:
        """Seconds: when the newest sample was taken."""
        return self._start + self.count / LAYOUT.rate

    def pull(self, _timeout: float = 0.0) -> Chunk:
        """The next piece."""
        raw = self._file.read(self._piece * _ROW)
        if not raw:
            self._file.seek(0)
            raw = self._file.read(self._piece * _ROW)
        samples = np.frombuffer(raw, np.float32).reshape(-1, LAYOUT.bands, LAYOUT.electrodes)
        times = self._start + np.arange(self.count, self.count + len(samples)) / LAYOUT.rate
        self.count += len(samples)
        return Chunk(samples, times, LAYOUT)

    def again(self) -> "Repeats":
        """Another one that goes on where this one is."""
        other = Repeats(self._path, self._start, self._piece)
        other.count = self.count
        other._file.seek(self._file.tell())
        return other

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Finals:
    """A sink that hands on final keys, and keeps none of them."""

    def __init__(self, take: Callable[[Key], None]) -> None:
        self._keys = KeySequence(keep=0)
        self._take = take

    def push(self, event: TextEvent) -> None:
        """Apply an edit."""
        for key in self._keys.push(event):
            self._take(key)


class OneDaemon(Closing):
    """The daemon of one person, with pipeline, watch of the signal, publisher, snapshot and heartbeats.

    Its clock is that of the samples. Use it in a `with`.

    Args:
        config: Settings.
        source: Samples.
        endpoint: Where it publishes.
        take: Gets each final key.
    """

    def __init__(self, config: Config, source: Repeats, endpoint: str, take: Callable[[Key], None]) -> None:
        (party,) = gather([config])
        (self.person,) = party.people
        self.told = 0
        """Sentences about the signal."""
        with ExitStack() as stack:
            socket = stack.enter_context(PubSocket(endpoint))
            publisher = Publisher(socket, config.session, config.person)
            layout = self.person.bundle.facts.layout
            signal = SignalReport(watch_for(config, None, layout), layout, self._tell)

            def beat() -> None:
                publisher.heartbeat()
                publisher.status(lambda: {**signal.status(), "stages_ms": self.person.timer.report()})

            sinks: list[Sink] = [publisher, Recent(publisher), Finals(take)]
            wearer = Wearer(source, self.person.pipeline, sinks, beat, watch=signal.push)
            self._daemon = Daemon(
                [(party.pipelines, [wearer])],
                stall=config.source.stall_s,
                heartbeat_every=config.publish.heartbeat_s,
                tell=self._tell,
                clock=lambda: source.now,
            )
            self.step = self._daemon.step
            """Decode the next piece."""
            self._stack = stack.pop_all()

    def _tell(self, _sentence: str) -> None:
        self.told += 1

    def close(self) -> None:
        """Give the socket back."""
        self._stack.close()
