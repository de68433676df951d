"""What a running daemon keeps, where it is asked to: session files of what comes in, and flight recorders."""

import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.files.closing import Closing
from emgtype.live.daemon import Source
from emgtype.live.people import Person
from emgtype.places import USER_DATA
from emgtype.recording.flight import FlightRecorder, dump
from messages.errors import InputError
from messages.signal import Chunk

if TYPE_CHECKING:
    from emgtype.live.member import Member
    from emgtype.recording.recorder import BackgroundRecording

FLIGHTS = USER_DATA / "flights"
"""Where flight recorders write."""


class Tapped:
    """A source whose samples somebody else gets, too.

    Args:
        source: Whose.
        tap: Gets them first; must not wait.
    """

    def __init__(self, source: Source, tap: Callable[[Chunk], None]) -> None:
        self._source = source
        self._tap = tap

    def pull(self, timeout: float) -> Chunk | None:
        """As the source's."""
        chunk = self._source.pull(timeout)
        if chunk is not None:
            self._tap(chunk)
        return chunk


class Keeping(Closing):
    """Recordings and flights of everybody who is served. Use it in a `with`.

    SIGUSR1 has all flights written.

    Args:
        folder: For a session file of each person; None: none are written.
        minutes: That a flight recorder holds of each; 0: there are none.
        tell: Gets a sentence about what happened, from any thread.
    """

    def __init__(self, folder: Path | None, minutes: float, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._minutes = minutes
        self._tell = tell
        self._asked = False
        self._flights: dict[str, FlightRecorder] = {}
        self._gone: set[str] = set()
        self._stack = ExitStack()
        if minutes:
            with suppress(ValueError):  # raised where this is not the main thread
                before = signal.signal(signal.SIGUSR1, lambda _signal, _frame: self._ask())
                self._stack.callback(signal.signal, signal.SIGUSR1, before)

    def record(self, person: Person) -> "BackgroundRecording | None":
        """A session file of somebody, where they are wanted.

        Raises:
            InputError: It cannot be written, or samples of another layout than a session file has.
        """
        if self._folder is None:
            return None
        from adapters.sessions.format import LAYOUT  # noqa: PLC0415 - HDF5's library: others start without
        from adapters.sessions.journal import SessionJournal  # noqa: PLC0415
        from emgtype.recording.recorder import (  # noqa: PLC0415
            NO_KEYBOARD,
            BackgroundRecording,
            Recording,
            lsl_epoch,
            session_path,
        )

        if person.bundle.facts.layout != LAYOUT:
            raise InputError(f"--record writes sessions of {LAYOUT}, not of {person.bundle.facts.layout}: leave it out")
        name = person.config.person
        self._folder.mkdir(parents=True, exist_ok=True)
        journal = SessionJournal(session_path(self._folder, name), name, NO_KEYBOARD)
        return self._stack.enter_context(BackgroundRecording(Recording(journal, lsl_epoch()), self._tell))

    def flight(self, person: Person) -> FlightRecorder | None:
        """Somebody's flight recorder, where they are wanted."""
        if not self._minutes:
            return None
        recorder = FlightRecorder(person.config, person.bundle, person.pipeline, self._minutes)
        self._flights[person.config.person] = recorder
        return recorder

    def dump(self, *names: str, wait: bool = False) -> dict[str, Any]:
        """Write the flights of these people: the files, which are there as soon as they are complete.

        Raises:
            InputError: There are no flight recorders.
        """
        if not self._flights:
            raise InputError("no flight recorder runs: set flight_minutes = 5.0 in [record], and start the daemon anew")
        return {name: {"flight": str(dump(self._flights[name], FLIGHTS, self._tell, wait=wait))} for name in names}

    def dump_all(self) -> None:
        """Of everybody, where there are any: something has gone wrong."""
        if self._flights:
            self.dump(*self._flights, wait=True)

    def attend(self, members: "Mapping[str, Member]") -> None:
        """Do what a signal asked for, and write the flights of those who are decoded no more."""
        gone = [name for name, member in members.items() if member.wearer.gone and name not in self._gone]
        self._gone.update(gone)
        names = [*self._flights] if self._asked else [name for name in gone if name in self._flights]
        self._asked = False
        if names:
            self.dump(*names)

    def close(self) -> None:
        """Make the recordings whole."""
        self._stack.close()

    def _ask(self) -> None:
        self._asked = True
