"""Recordings of a running daemon, where they are requested: session files of all samples, and flight recorders."""

import signal
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.files.closing import Closing
from emgtype.live.line import Line
from emgtype.live.wearer import Wearer
from emgtype.places import USER_DATA
from emgtype.recording.flight import FlightRecorder, dump
from messages.errors import InputError

if TYPE_CHECKING:
    # With it comes HDF5's library, which a daemon that records nothing starts without.
    from emgtype.recording.recorder import BackgroundRecording

FLIGHTS = USER_DATA / "flights"
"""Folder that flights are written to."""


class Recordings(Closing):
    """Session files and flights of everybody who is served. Use it in a `with`.

    The signal SIGUSR1 has the flights of all wearers written.

    Args:
        folder: Folder for a session file of each wearer; None: none are written.
        minutes: Minutes that a flight recorder holds of each wearer; 0: there are none.
        log: Gets sentences about recordings, from any thread.
    """

    def __init__(self, folder: Path | None, minutes: float, log: Callable[[str], None]) -> None:
        self._folder = folder
        self._minutes = minutes
        self._log = log
        self._signalled = False
        self._flights: dict[str, FlightRecorder] = {}
        self._gone: set[str] = set()
        self._stack = ExitStack()
        if minutes:
            # Only the main thread may set a handler of signals.
            with suppress(ValueError):
                before = signal.signal(signal.SIGUSR1, lambda _signal, _frame: self._note_signal())
                self._stack.callback(signal.signal, signal.SIGUSR1, before)

    def open_session(self, line: Line) -> "BackgroundRecording | None":
        """Open a session file for the samples of a line's wearer; None: no session files are requested.

        Raises:
            InputError: The file cannot be written, or the samples have another layout than a session file.
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

        layout = line.bundle.facts.layout
        if layout != LAYOUT:
            raise InputError(f"--record writes sessions of {LAYOUT}, not of {layout}: leave it out")
        self._folder.mkdir(parents=True, exist_ok=True)
        journal = SessionJournal(session_path(self._folder, line.name), line.name, NO_KEYBOARD)
        return self._stack.enter_context(BackgroundRecording(Recording(journal, lsl_epoch()), self._log))

    def attach_flight_recorder(self, line: Line) -> None:
        """Have a line recorded by a flight recorder, where they are requested."""
        if self._minutes:
            recorder = FlightRecorder(line.config, line.bundle, line.pipeline, self._minutes)
            line.recorder = recorder
            line.sinks.append(recorder)
            self._flights[line.name] = recorder

    def write_flights(self, *names: str, wait: bool = False) -> dict[str, Any]:
        """Write the flights of these wearers.

        Args:
            names: Of the wearers.
            wait: Whether to return only when the files are complete.

        Returns:
            The path of each file under "flight", by the wearer's name; the files appear once they are complete.

        Raises:
            InputError: There are no flight recorders.
        """
        if not self._flights:
            raise InputError("no flight recorder runs: set flight_minutes = 5.0 in [record], and start the daemon anew")
        return {name: {"flight": str(dump(self._flights[name], FLIGHTS, self._log, wait=wait))} for name in names}

    def write_all_flights(self) -> None:
        """Write the flights of everybody, if there are any, before the daemon ends with an error."""
        if self._flights:
            self.write_flights(*self._flights, wait=True)

    def attend(self, wearers: Iterable[Wearer]) -> None:
        """Write the flights that a signal requested, and those of wearers who have gone since the last call."""
        gone = [wearer.name for wearer in wearers if wearer.gone and wearer.name not in self._gone]
        self._gone.update(gone)
        names = [*self._flights] if self._signalled else [name for name in gone if name in self._flights]
        self._signalled = False
        if names:
            self.write_flights(*names)

    def close(self) -> None:
        """Complete the session files."""
        self._stack.close()

    def _note_signal(self) -> None:
        self._signalled = True
