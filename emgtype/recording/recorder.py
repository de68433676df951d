"""Live samples into session files: by `emgtype record`, and by the daemon beside its decoding."""

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
"""The condition of a recording without key presses: its truth is in the prompts."""
GAP = 0.2
"""Seconds without samples that are told as a gap."""
_READINGS = 5  # of the two clocks, of which the quickest counts
_WAITING = 2000  # chunks that may wait for the disk: 32 s of a radio's pieces


def lsl_epoch() -> float:
    """Unix seconds at which the LSL clock of this machine was zero, to some µs."""
    readings = []
    for _ in range(_READINGS):
        before, unix, after = local_clock(), time.time(), local_clock()
        readings.append((after - before, unix - (before + after) / 2))
    return float(min(readings)[1])


def session_path(folder: Path, who: str) -> Path:
    """A new file's name: who, and when."""
    return folder / f"{who}-{time.strftime('%Y%m%d-%H%M%S')}.hdf5"


class Recording(Closing):
    """One session file of live samples. Use it in a `with`.

    A session file holds finite samples whose times never fall: others are left out, and counted.

    Args:
        journal: The file.
        epoch: Unix seconds at zero of the samples' clock; held for the whole file, so that nothing in it jumps.
    """

    def __init__(self, journal: SessionJournal, epoch: float) -> None:
        self._journal = journal
        self._epoch = epoch
        self._last = -np.inf
        self._first = 0.0
        self.left_out = 0
        """Samples that no session file can hold."""
        self.gaps = 0
        """How often nothing came for more than `GAP`."""

    @property
    def samples(self) -> int:
        """Samples in the file."""
        return self._journal.rows

    @property
    def path(self) -> Path:
        """The file."""
        return self._journal.path

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        return self._last - self._first if self.samples else 0.0

    def push(self, chunk: Chunk) -> None:
        """Add samples; errors as of `SessionJournal.append`."""
        times = chunk.times + self._epoch
        times[~np.isfinite(times)] = -np.inf
        newest = np.maximum.accumulate(np.concatenate([[self._last], times]))
        good = np.isfinite(chunk.samples).all(axis=(1, 2)) & (times >= newest[:-1]) & (times > -np.inf)
        self.left_out += len(good) - int(good.sum())
        if not good.any():
            return
        kept = Chunk(chunk.samples[good], times[good], chunk.layout)
        if not self.samples:
            self._first = self._last = float(kept.times[0])
        self.gaps += int((np.diff(kept.times, prepend=self._last) > GAP).sum())
        self._journal.append(kept)
        self._last = float(kept.times[-1])

    def note(self, entry: Keystroke | Prompt) -> None:
        """Add a key press or a prompt, on the samples' clock."""
        start, end = entry.start + self._epoch, entry.end + self._epoch
        if isinstance(entry, Keystroke):
            self._journal.note(Keystroke(entry.key, start, end))
        else:
            self._journal.note(Prompt(entry.text, start, end))

    def sync(self) -> None:
        """Wait until the disk has it all."""
        self._journal.sync()

    def close(self) -> None:
        """Make the file whole; errors as of `SessionJournal.close`."""
        self._journal.close()


class BackgroundRecording(Closing):
    """A recording beside a loop that must not wait for a disk: a thread writes. Use it in a `with`.

    Args:
        recording: Is closed with this.
        tell: Gets a sentence about what happened, in the thread.
        waiting: Chunks that may wait for the disk; what comes beyond is left out.
    """

    def __init__(self, recording: Recording, tell: Callable[[str], None], waiting: int = _WAITING) -> None:
        self.recording = recording
        self.overflowed = 0
        """Samples left out because the disk was too slow."""
        self.ended: str | None = None
        """Why nothing is recorded any more."""
        self._tell = tell
        self._chunks: queue.Queue[Chunk | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._write, name="recorder")
        self._thread.start()

    def push(self, chunk: Chunk) -> None:
        """Add samples; never waits."""
        if self.ended is not None:
            return
        try:
            self._chunks.put_nowait(chunk)
        except queue.Full:
            if not self.overflowed:
                self._tell(f"{self.recording.path}: the disk is too slow, samples are left out of the recording")
            self.overflowed += len(chunk.times)

    def status(self) -> dict[str, Any]:
        """How it fares."""
        return {
            "path": str(self.recording.path),
            "samples": self.recording.samples,
            "left_out": self.recording.left_out + self.overflowed,
            "ended": self.ended,
        }

    def close(self) -> None:
        """Write what waits, and make the file whole."""
        while self._thread.is_alive():
            with suppress(queue.Full):
                self._chunks.put(None, timeout=0.1)
                self._thread.join()

    def _write(self) -> None:
        try:
            with self.recording:
                synced = 0.0
                while (chunk := self._chunks.get()) is not None:
                    self.recording.push(chunk)
                    if self.recording.seconds - synced >= 1.0:
                        synced = self.recording.seconds
                        self.recording.sync()
        except (InputError, OSError) as error:
            self.ended = str(error)
            self._tell(str(error))
        else:
            self.ended = "the recording is whole"
            self._tell(f"{self.recording.path}: {self.recording.seconds:.1f} s recorded")
