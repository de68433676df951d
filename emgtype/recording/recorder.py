"""Recordings: live samples into session files, for `emgtype record` and for the daemon beside its decoding."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from adapters.files.closing import Closing
from adapters.sessions.journal import SessionJournal
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

NO_KEYBOARD = "on_table"
"""Condition of a recording without key presses: its truth is in the prompts."""
GAP = 0.2
"""Seconds without samples that count as a gap."""
_CLOCK_READINGS = 5
_WAITING_CHUNKS = 2000
"""Chunks that may wait for the disk: 32 s of the pieces that a radio sends."""
_SYNC_EVERY_S = 1.0


def lsl_epoch() -> float:
    """Return the Unix seconds at which the LSL clock of this machine was zero, to some µs."""
    readings = []
    # The two clocks cannot be read at once; the quickest of several readings errs the least.
    for _ in range(_CLOCK_READINGS):
        before, unix, after = local_clock(), time.time(), local_clock()
        readings.append((after - before, unix - (before + after) / 2))
    return float(min(readings)[1])


def session_path(folder: Path, name: str) -> Path:
    """Return the path of a new session file, named after its wearer and the time."""
    return folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.hdf5"


class Recording(Closing):
    """One session file of live samples. Use it in a `with`.

    A session file holds finite samples whose times never fall; all others are left out, and counted.

    Args:
        journal: The file.
        epoch: Unix seconds at which the samples' clock was zero; one value for the whole file, so that its times do
            not jump.
    """

    def __init__(self, journal: SessionJournal, epoch: float) -> None:
        self._journal = journal
        self._epoch = epoch
        self._last_time = -np.inf
        self._first_time = 0.0
        self.left_out = 0
        """Number of samples that no session file can hold."""
        self.gaps = 0
        """Number of times that more than `GAP` passed without a sample."""

    @property
    def samples(self) -> int:
        """Number of samples in the file."""
        return self._journal.rows

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self._journal.path

    @property
    def seconds(self) -> float:
        """Seconds from the first sample to the last."""
        return self._last_time - self._first_time if self.samples else 0.0

    def append(self, chunk: Chunk) -> None:
        """Add samples.

        Raises:
            InputError: As `SessionJournal.append`.
        """
        times = chunk.times + self._epoch
        times[~np.isfinite(times)] = -np.inf
        newest = np.maximum.accumulate(np.concatenate([[self._last_time], times]))
        storable = np.isfinite(chunk.samples).all(axis=(1, 2)) & (times >= newest[:-1]) & (times > -np.inf)
        self.left_out += len(storable) - int(storable.sum())
        if not storable.any():
            return
        rows = Chunk(chunk.samples[storable], times[storable], chunk.layout)
        if not self.samples:
            self._first_time = self._last_time = float(rows.times[0])
        self.gaps += int((np.diff(rows.times, prepend=self._last_time) > GAP).sum())
        self._journal.append(rows)
        self._last_time = float(rows.times[-1])

    def annotate(self, entry: Keystroke | Prompt) -> None:
        """Add a key press or a prompt, whose times are on the samples' clock."""
        start, end = entry.start + self._epoch, entry.end + self._epoch
        if isinstance(entry, Keystroke):
            self._journal.note(Keystroke(entry.key, start, end))
        else:
            self._journal.note(Prompt(entry.text, start, end))

    def sync(self) -> None:
        """Wait until the disk holds all samples."""
        self._journal.sync()

    def close(self) -> None:
        """Complete the file.

        Raises:
            InputError: As `SessionJournal.close`.
        """
        self._journal.close()


class BackgroundRecording(Closing):
    """A recording beside a loop that must not wait for a disk: a thread writes it. Use it in a `with`.

    Args:
        recording: Is closed with this.
        log: Gets sentences about the recording, in the thread or in the loop.
        waiting: Number of chunks that may wait for the disk; further ones are left out.
    """

    def __init__(self, recording: Recording, log: Callable[[str], None], waiting: int = _WAITING_CHUNKS) -> None:
        self.recording = recording
        self.overflowed = 0
        """Number of samples left out because the disk was too slow."""
        self.ended: str | None = None
        """Why recording has ended; None: it has not."""
        self._log = log
        self._chunks: queue.Queue[Chunk | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._write, name="recorder")
        self._thread.start()

    def append(self, chunk: Chunk) -> None:
        """Add samples without waiting."""
        if self.ended is not None:
            return
        try:
            self._chunks.put_nowait(chunk)
        except queue.Full:
            if not self.overflowed:
                self._log(f"{self.recording.path}: the disk is too slow, samples are left out of the recording")
            self.overflowed += len(chunk.times)

    def status(self) -> dict[str, Any]:
        """Return the path of the file and the number of its samples, those left out, and why recording has ended."""
        return {
            "path": str(self.recording.path),
            "samples": self.recording.samples,
            "left_out": self.recording.left_out + self.overflowed,
            "ended": self.ended,
        }

    def close(self) -> None:
        """Write the chunks that wait, and complete the file."""
        while self._thread.is_alive():
            with suppress(queue.Full):
                self._chunks.put(None, timeout=0.1)
                self._thread.join()

    def _write(self) -> None:
        try:
            with self.recording:
                synced = 0.0
                while (chunk := self._chunks.get()) is not None:
                    self.recording.append(chunk)
                    if self.recording.seconds - synced >= _SYNC_EVERY_S:
                        synced = self.recording.seconds
                        self.recording.sync()
        except (InputError, OSError) as error:
            self.ended = str(error)
            self._log(str(error))
        else:
            self.ended = "the recording is whole"
            self._log(f"{self.recording.path}: {self.recording.seconds:.1f} s recorded")
