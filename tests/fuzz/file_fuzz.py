"""Give broken files to a process that reads them: crashes, tracebacks, hangs and growth of its memory are faults."""

import json
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.files import FILES, good_files
from tests.fuzz.growth import AGAIN, GROWTH, MemoryGrowth, Progress

PATIENCE = 5.0
"""Seconds for an input."""
_START = 60.0
"""Seconds for the start of the process and its first input."""


@dataclass(slots=True)
class FileRun:
    """The faults of one kind of file, and the memory of its reader."""

    kind: str
    inputs: int = 0
    taken: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """Count by the last line of a traceback, or by the end of the process."""
    examples: dict[str, Path] = field(default_factory=dict)
    """Folder with an input of each fault."""
    memory: MemoryGrowth = field(default_factory=MemoryGrowth)
    """Memory of the process, of the newest one where one has ended."""

    def __str__(self) -> str:
        verdict = "no fault" if not self.faults else f"{sum(self.faults.values())} FAULTS"
        grown = f"grown by {self.memory.growth:.1f} (peak {self.memory.peak:.1f}) MB"
        lines = [f"{self.kind}: {self.inputs} inputs, {self.taken} taken, {grown}, {verdict}"]
        return "\n".join(
            [*lines, *(f"  {count} × {what} ({self.examples[what]})" for what, count in self.faults.items())]
        )


class _Reader:
    """A process that reads files."""

    def __init__(self, kind: str) -> None:
        call = [sys.executable, "-m", "tests.fuzz.file_child", kind]
        self.process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.started = False

    def read(self, folder: Path) -> tuple[str, bool, float]:
        """Read a folder; return a fault or nothing, whether the files were accepted, and the MB of the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE if self.started else _START)[0]:
            self.process.kill()
            self.process.wait()
            return f"no answer within {PATIENCE:g} s", False, 0.0
        line = self.process.stdout.readline()
        if not line:
            return f"the process ended with {self.process.wait()}", False, 0.0
        answer = json.loads(line)
        self.started = True
        fault = answer["fault"].strip().splitlines()
        where = next((each.strip() for each in reversed(fault) if each.startswith('  File "')), "")
        fault_line = f"{fault[-1][:150]} at {where}" if fault else ""
        return fault_line, answer["taken"], answer["mb"]

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def fuzz_files(kind: str, progress: Progress, seed: int = 0, keep: Path | None = None) -> FileRun:
    """Give inputs to the reader of a kind of files, and copy an input of each fault into `keep`."""
    chance, good, run = random.Random(f"{kind} {seed}"), good_files(kind), FileRun(kind)
    begun, again = chance.getstate(), False
    reader = _Reader(kind)
    try:
        with tempfile.TemporaryDirectory(prefix="emgtype-fuzz-") as name:
            folder = Path(name, "input")
            while (done := progress(run.inputs)) < 1:
                if done > AGAIN and not again:
                    again = True
                    chance.setstate(begun)
                    run.memory.again()
                _write(folder, good, chance, kind if run.inputs else None)
                fault, taken, mb = reader.read(folder)
                run.inputs += 1
                run.taken += taken
                run.memory.push(mb)
                if fault:
                    run.faults[fault] += 1
                    if fault not in run.examples:
                        run.examples[fault] = Path()
                        if keep:
                            run.examples[fault] = keep / f"{kind}-{len(run.examples)}"
                            shutil.copytree(folder, run.examples[fault])
                    if reader.process.poll() is not None:
                        reader.end()
                        reader, run.memory = _Reader(kind), MemoryGrowth()
    finally:
        reader.end()
    if run.memory.growth > GROWTH:
        fault_line = f"grown by {run.memory.growth:.1f} MB"
        run.faults[fault_line], run.examples[fault_line] = 1, Path()
    return run


def _write(folder: Path, good: dict[str, bytes], chance: random.Random, kind: str | None) -> None:
    """Write the files, one of them broken where a kind is given."""
    shutil.rmtree(folder, ignore_errors=True)
    worse = chance.choice(list(good)) if kind else ""
    for name, data in good.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[kind].change(chance, data) if kind and name == worse else data)


def for_minutes(minutes: float) -> Progress:
    """Return a progress that ends after some minutes from now."""
    start = time.monotonic()
    return lambda _inputs: (time.monotonic() - start) / (60 * minutes)
