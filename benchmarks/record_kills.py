"""Measure how much of a recording survives a kill: `emgtype record`, `kill -9` at random moments, several at a time.

Samples are numbered and played over LSL at their rate; samples on their way count as missed, too.

    python -m benchmarks.record_kills                       # 50 kills
    python -m benchmarks.record_kills --kills 500 --seed 1
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pylsl
from rich.progress import track
from rich.table import Table

from adapters.files.closing import Closing
from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config
from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from adapters.sessions.repair import repair
from benchmarks.results import command_line, publish, spread
from emgtype.recording.recorder import lsl_epoch
from messages.errors import InputError
from messages.signal import Chunk

AT_ONCE = 5
_PERIOD = 0.02
"""Seconds between pieces."""
_PATIENCE = 60.0
"""Seconds that a recording may take to begin."""


def numbered(first: int, count: int) -> Chunk:
    """Return samples that hold their own number, from 0 s on."""
    numbers = np.arange(first, first + count)
    samples = np.full((count, LAYOUT.bands, LAYOUT.electrodes), numbers[:, None, None], np.float32)
    return Chunk(samples, numbers / LAYOUT.rate, LAYOUT)


def numbers_in(path: Path) -> np.ndarray:
    """Return the numbers of a session's samples."""
    with SessionReader(path) as session:
        return session.read(0, len(session)).samples[:, 1, 7]


class Numbers(Closing):
    """An LSL stream of numbered samples at their rate. Use it in a `with`."""

    def __init__(self) -> None:
        self.name = f"numbers-{uuid.uuid4()}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def close(self) -> None:
        """End the stream."""
        self._over.set()
        self._thread.join()

    def _play(self) -> None:
        with LSLOutlet(self.name, LAYOUT, self.name, sample_numbers=True) as outlet:
            began, sent = pylsl.local_clock(), 0
            while not self._over.wait(_PERIOD):
                due = int((pylsl.local_clock() - began) * LAYOUT.rate)
                outlet.push(numbered(sent, due - sent), began)
                sent = due


def kill_some(
    environment: Mapping[str, str], folder: Path, stream: str, count: int, chance: random.Random
) -> dict[Path, float]:
    """Run recordings at once and kill each at a moment of its own; return the files, and the LSL time of each kill."""
    paths = [folder / f"{uuid.uuid4()}.hdf5" for _ in range(count)]
    call = [sys.executable, "-m", "emgtype.cli", "record", "--stream", stream, "--user", "1", "--out"]
    quiet = subprocess.DEVNULL
    processes = [subprocess.Popen([*call, str(path)], env=environment, stdin=quiet, stderr=quiet) for path in paths]
    try:
        end = time.monotonic() + _PATIENCE
        while not all(path.with_name(f"{path.name}.part").exists() for path in paths):
            if time.monotonic() > end:
                raise TimeoutError("the recordings did not begin")
            time.sleep(0.02)
        began, killed = time.monotonic(), {}
        for moment, path, process in sorted(
            ((chance.uniform(0.0, 2.5), path, process) for path, process in zip(paths, processes, strict=True)),
            key=lambda each: each[0],
        ):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            process.kill()
            killed[path] = pylsl.local_clock()
        return killed
    finally:
        for process in processes:
            process.kill()
            process.wait()


def missed(path: Path, killed: float) -> float:
    """Return the seconds from the last sample of a repaired recording to its kill.

    Raises:
        ValueError: Samples are missing within the recording.
    """
    numbers = numbers_in(path)
    if not np.array_equal(numbers, numbers[0] + np.arange(len(numbers))):
        raise ValueError(f"samples are missing in the midst of {path}")
    with SessionReader(path) as session:
        return lsl_epoch() + killed - session.end


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ[LSL_CONFIG_VARIABLE] = str(loopback_config())
    chance, delays, empty = random.Random(options.seed), list[float](), 0
    with tempfile.TemporaryDirectory(prefix="emgtype-bench-") as folder, Numbers() as stream:
        for _ in track(range(0, options.kills, AT_ONCE), "killing", transient=True):
            for path, killed in kill_some(os.environ, Path(folder), stream.name, AT_ONCE, chance).items():
                try:
                    repair(path)
                except InputError:
                    # Killed before the first sample.
                    empty += 1
                else:
                    delays.append(missed(path, killed))
                with suppress(FileNotFoundError):
                    path.unlink()
    figures = {"kills": len(delays) + empty, "opened": len(delays), "empty": empty, "missed_ms": spread(delays)}
    table = Table("kills", "files that open", "killed before the first sample", "missed, ms: p50", "p95", "max")
    times = (f"{1e3 * figures['missed_ms'][name]:.0f}" for name in ("p50", "p95", "max"))  # type: ignore[index]
    table.add_row(str(figures["kills"]), str(len(delays)), str(empty), *times)
    publish(options, [table], figures)


if __name__ == "__main__":
    main()
