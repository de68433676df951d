"""Provide the parts of a soak: a day's signal, and all that `emgtype serve` runs for one person, without LSL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from adapters.files.closing import Closing
from adapters.wire.publisher import Publisher, PubSocket
from emgtype.bands.signal_report import SignalReport, watch_for
from emgtype.config import Config
from emgtype.live.daemon import Daemon
from emgtype.live.load import load_lines
from emgtype.live.recent import Recent
from emgtype.live.wearer import Wearer
from emgtype.texts import load_text
from messages.notice import Notice
from messages.signal import Chunk
from messages.text import Key, KeySequence, TextEvent
from simulator.activities import clenching, mouse
from simulator.person import Person, make_person
from simulator.session import LAYOUT, simulate, typing_session

PAUSE = 2.0
"""Seconds without a press that make a pause."""
_RESTS = (("rest", None), ("mouse", mouse), ("clench", clenching))
_TYPED = 0.7
"""Share of typing in a day; the rest is resting, moving a mouse and clenching, a third each."""
_ROW = LAYOUT.bands * LAYOUT.electrodes * np.dtype(np.float32).itemsize


def write_day(path: Path, minutes: float, person: int, donning: int, hop: int) -> list[float]:
    """Write samples of typing, then of other activities, in whole hops of `hop` samples.

    Returns:
        The pauses: seconds from the first sample at which no key has been pressed for PAUSE, each once.
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
        path: File of the samples.
        start: Time of the first sample in seconds.
        piece: Samples per pull.
    """

    def __init__(self, path: Path, start: float, piece: int) -> None:
        self._rows = path.stat().st_size // _ROW
        self._path, self._start, self._piece = path, start, piece
        self._file = path.open("rb", buffering=0)
        self.count = 0
        """Samples so far."""

    @property
    def length(self) -> float:
        """Seconds of a day."""
        return self._rows / LAYOUT.rate

    @property
    def now(self) -> float:
        """Time of the newest sample pulled, in seconds."""
        return self._start + self.count / LAYOUT.rate

    def pull(self, _timeout: float = 0.0) -> Chunk:
        """Return the next piece."""
        raw = self._file.read(self._piece * _ROW)
        if not raw:
            self._file.seek(0)
            raw = self._file.read(self._piece * _ROW)
        samples = np.frombuffer(raw, np.float32).reshape(-1, LAYOUT.bands, LAYOUT.electrodes)
        times = self._start + np.arange(self.count, self.count + len(samples)) / LAYOUT.rate
        self.count += len(samples)
        return Chunk(samples, times, LAYOUT)

    def __call__(self) -> float:
        """As `now`: the clock of the daemon."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Never called: there are always samples."""
        raise AssertionError

    def silent(self) -> list[str]:
        """Return no stream: samples always come."""
        return []

    def notices(self) -> list[Notice]:
        """Return no problem."""
        return []

    def figures(self) -> dict[str, Any]:
        """Return no figures."""
        return {}

    def again(self) -> "Repeats":
        """Return another source that goes on from the same sample."""
        other = Repeats(self._path, self._start, self._piece)
        other.count = self.count
        other._file.seek(self._file.tell())
        return other

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Finals:
    """A sink that passes final keys on, and stores none of them."""

    def __init__(self, take: Callable[[Key], None]) -> None:
        self._keys = KeySequence(keep=0)
        self._take = take

    def push(self, event: TextEvent) -> None:
        """Apply an edit."""
        for key in self._keys.push(event):
            self._take(key)


@dataclass(slots=True)
class _Reports:
    """Publishes heartbeats and the status, and watches the signal."""

    publisher: Publisher
    signal: SignalReport

    def before_decoding(self, chunk: Chunk) -> None:
        """Nothing is recorded."""

    def before_pause(self) -> None:
        """Nobody pauses."""

    def finished(self) -> None:
        """Nothing ends with the text."""

    def after_decoding(self, chunk: Chunk) -> None:
        """Look for faults of the signal."""
        self.signal.push(chunk)

    def heartbeat(self, wearer: Wearer) -> None:
        """Publish how the wearer fares."""
        self.publisher.heartbeat()
        self.publisher.status(lambda: {**self.signal.status(), "stages_ms": wearer.line.timer.report()})


class OneDaemon(Closing):
    """The daemon of one person, with pipeline, watch of the signal, publisher, snapshot and heartbeats.

    Its clock is that of the samples. Use it in a `with`.

    Args:
        config: Settings.
        source: Samples.
        endpoint: Address of the publisher.
        take: Gets each final key.
    """

    def __init__(self, config: Config, source: Repeats, endpoint: str, take: Callable[[Key], None]) -> None:
        (self.line,) = load_lines([config])
        self.message_count = 0
        """Count of the sentences about the signal."""
        with ExitStack() as stack:
            socket = stack.enter_context(PubSocket(endpoint))
            publisher = Publisher(socket, config.session, config.person)
            layout = self.line.bundle.facts.layout
            signal = SignalReport(watch_for(config, None, layout), layout, self._tell)
            self.line.sinks += [publisher, Recent(publisher), Finals(take)]
            self._daemon = Daemon(
                [Wearer(config.person, source, [self.line], _Reports(publisher, signal))],
                stall=config.source.stall_s,
                heartbeat_every=config.publish.heartbeat_s,
                notify=self._tell,
                clock=source,
            )
            self.step = self._daemon.step
            """Decode the next piece."""
            self._stack = stack.pop_all()

    def _tell(self, _news: object) -> None:
        self.message_count += 1

    def close(self) -> None:
        """Close the socket."""
        self._stack.close()
