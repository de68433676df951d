"""Convert XDF to session files and session files to XDF."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.datasets.xdf_reader import SUFFIXES, read_xdf
from adapters.datasets.xdf_writer import XdfWriter
from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from adapters.sessions.repair import SUFFIX
from adapters.sessions.truth import entry_line, read_entry
from emgtype.recording.recorder import NO_KEYBOARD, Recording
from messages.errors import InputError
from messages.typed import ON_KEYBOARD, Keystroke, Prompt

STREAM, TRUTH = "emgtype", "emgtype truth"
"""Names of the two streams in an XDF file that `convert` writes."""

Notify = Callable[[str], None]


def convert(source: Path, target: Path, user: str, names: Sequence[str], notify: Notify) -> None:
    """Convert XDF to a session file, or a session file to XDF, as the suffixes of the file names say.

    Args:
        source: File to convert.
        target: New file.
        user: The person who wore the bands, for a session file; empty for XDF.
        names: Streams to read from XDF: one for both bands, or one for each; empty: the streams of type EMG.
        notify: Gets a sentence about each result and each assumption.

    Raises:
        InputError: The files are of other kinds, or a stream does not fit.
    """
    if source.suffix in SUFFIXES and target.suffix == SUFFIX:
        _from_xdf(source, target, user, names, notify)
    elif source.suffix == SUFFIX and target.suffix == SUFFIXES[0]:
        if user or names:
            raise InputError("--user, --stream and --bands go with an XDF file to read: leave them out")
        _to_xdf(source, target, notify)
    else:
        raise InputError(f"{source.name} to {target.name}: expected .xdf or .xdfz to .hdf5, or .hdf5 to .xdf")


def _from_xdf(source: Path, target: Path, user: str, names: Sequence[str], notify: Notify) -> None:
    recording = read_xdf(source, LAYOUT, names)
    for note in recording.notes:
        notify(f"note: {note}")
    truth = [(at, read_entry(text)) for at, text in recording.markers]
    entries = [(at, entry) for at, entry in truth if entry]
    if unknown := len(truth) - len(entries):
        notify(f"note: {unknown} markers are no key presses or prompts of emgtype: left out")
    typed = any(isinstance(entry, Keystroke) for _, entry in entries)
    journal = SessionJournal(target, user, ON_KEYBOARD if typed else NO_KEYBOARD)
    with Recording(journal, recording.epoch) as session:
        for chunk in recording.chunks():
            session.append(chunk)
        # The file's clock offsets were applied to the marker's own time.
        for at, entry in entries:
            session.annotate(replace(entry, start=at, end=entry.end + (at - entry.start)))
        left = f", {session.left_out} samples left out" if session.left_out else ""
        notify(f"{target}: {session.seconds:.1f} s, {len(entries)} key presses and prompts{left}")


def _to_xdf(source: Path, target: Path, notify: Notify) -> None:
    with SessionReader(source) as session:
        started = datetime.fromtimestamp(session.start, UTC).isoformat()
        with XdfWriter(target, started) as writer:
            samples, markers = writer.samples(STREAM, session.layout), writer.markers(TRUTH)
            for chunk in session.chunks():
                samples.append(chunk)
            entries: list[Keystroke | Prompt] = [*session.keystrokes, *session.prompts]
            for entry in sorted(entries, key=lambda each: each.start):
                markers.append(entry.start, entry_line(entry).decode().strip())
        truth = len(session.keystrokes) + len(session.prompts)
        notify(f"{target}: {session.end - session.start:.1f} s, {truth} key presses and prompts")
