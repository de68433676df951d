"""Provide the parts of benchmarks of the whole daemon: a wristband and `emgtype serve`, each in a process of its own.

Import it before pylsl: it keeps liblsl on loopback.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config

# Here, since liblsl reads it once, at its first call.
os.environ[LSL_CONFIG_VARIABLE] = str(loopback_config())

import pylsl

from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.format import LAYOUT
from benchmarks.paper_bundle import simulated_samples
from emgtype.commands._demo_processes import Part, run_part
from messages.signal import F64, Chunk

PIECE = 16
"""Samples per push: what a radio packet of 8 ms holds, one frame."""
_SIGNAL = 30.0
"""Seconds simulated; they are played over and over."""
_PATIENCE = 30.0
"""Seconds that a part has to start."""


@dataclass(frozen=True, slots=True)
class Pushes:
    """The pushes of a wristband, on the LSL clock."""

    stamps: F64
    """(pushes,) s: time stamp of the last sample of each."""
    moments: F64
    """(pushes,) s: when its push began."""

    def moment(self, time: F64) -> F64:
        """Return the times of the pushes of the samples with these stamps."""
        # Half a sample of tolerance: the receiver's stamps are moved by its estimate of the clocks' difference.
        at = np.searchsorted(self.stamps, time - 0.5 / LAYOUT.rate)
        if at.max(initial=0) >= len(self.stamps):
            raise ValueError("a time stamp is younger than all samples sent")
        return self.moments[at]


class Wristbands:
    """A process that pushes simulated typing of both bands at the layout's rate, with or without listeners."""

    def __init__(self, stream: str, speed: float = 1.0) -> None:
        """Start the process; `speed` in seconds of signal per second."""
        context = multiprocessing.get_context("spawn")
        self._end, began = context.Event(), context.Event()
        self._pushes, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_push, args=(stream, speed, began, self._end, theirs))
        self._process.start()
        if not began.wait(_PATIENCE):
            self._process.kill()
            raise TimeoutError(f"the wristbands did not begin to send within {_PATIENCE:g} s")

    def end(self) -> Pushes:
        """Stop sending, and return the pushes."""
        self._end.set()
        pushes: Pushes = self._pushes.recv()
        self._process.join()
        return pushes

    def close(self) -> None:
        """Kill the process."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def wristbands(stream: str, speed: float = 1.0) -> Iterator[Wristbands]:
    """Run wristbands for the time of a block."""
    bands = Wristbands(stream, speed)
    try:
        yield bands
    finally:
        bands.close()


def _push(stream: str, speed: float, began: Event, end: Event, to: Connection) -> None:
    samples = simulated_samples(_SIGNAL)
    pieces = [samples[first : first + PIECE] for first in range(0, len(samples) - PIECE + 1, PIECE)]
    stamps, moments = list[float](), list[float]()
    number = np.arange(1 - PIECE, 1) / LAYOUT.rate
    with LSLOutlet(stream, LAYOUT, stream, sample_numbers=True) as outlet:
        began.set()
        start = pylsl.local_clock()
        while not end.is_set():
            sent = (len(stamps) + 1) * PIECE / LAYOUT.rate
            time.sleep(max(0.0, start + sent / speed - pylsl.local_clock()))
            chunk = Chunk(pieces[len(stamps) % len(pieces)], start + sent + number, LAYOUT)
            stamps.append(float(chunk.times[-1]))
            moments.append(pylsl.local_clock())
            outlet.push(chunk)
        to.send(Pushes(np.array(stamps), np.array(moments)))


def machine_cpu() -> float:
    """Return the seconds of CPU that all processes of this machine have used."""
    user, nice, system = Path("/proc/stat").read_text(encoding="utf-8").split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


class Serving:
    """`emgtype serve` in a process of its own."""

    def __init__(self, part: Part, endpoint: str) -> None:
        self.part = part
        self.endpoint = endpoint
        self._folder = Path("/proc", str(part.process.pid))

    def wait_until_ready(self) -> list[str]:
        """Wait until it is ready to pull samples, and return the lines that it has printed."""
        end = time.monotonic() + _PATIENCE
        lines = list[str]()
        while time.monotonic() < end:
            alive = self.part.process.poll() is None
            for line in self.part.poll_lines():
                lines.append(line)
                if self.endpoint in line:
                    return lines
            if not alive:
                break
            time.sleep(0.001)
        raise TimeoutError(f"serve was not ready within {_PATIENCE:g} s, or ended; it said: {' '.join(lines)}")

    def cpu(self) -> float:
        """Return the seconds of CPU used so far."""
        fields = (self._folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, float]:
        """Return the MB resident now and at most so far."""
        lines = (self._folder / "status").read_text(encoding="utf-8").splitlines()
        kilobytes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
        return {"now": int(kilobytes["VmRSS"]) / 1024, "most": int(kilobytes["VmHWM"]) / 1024}

    def end(self) -> dict[str, Any]:
        """End it as Ctrl-C would, and return its report."""
        self.part.end()
        lines = "\n".join(self.part.poll_lines())
        if not {"{", "}"} <= {*lines}:
            raise RuntimeError(f"serve ended with code {self.part.process.returncode} and no report: {lines}")
        report: dict[str, Any] = json.loads(lines[lines.index("{") : lines.rindex("}") + 1])
        return report


@contextmanager
def serving(
    bundle: Path,
    stream: str,
    endpoint: str,
    arguments: Sequence[str] = (),
    *,
    module: str = "emgtype.cli",
    before: Sequence[str] = (),
) -> Iterator[Serving]:
    """Run `emgtype serve` for the time of a block; `before` are arguments for another module that runs it."""
    call = ["serve", "--stream", stream, "--bundle", str(bundle), "--endpoint", endpoint, "--json", *arguments]
    with run_part("serve", [*before, *call], module) as part:
        yield Serving(part, endpoint)
