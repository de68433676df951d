"""What goes wrong while somebody types is told without what they typed."""

import shutil
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from adapters.wire.publisher import open_publisher
from emgtype.config import load_config
from emgtype.live.daemon import Daemon
from emgtype.live.load import load_lines
from emgtype.live.recent import Recent
from emgtype.live.wearer import Wearer
from emgtype.replay.key_delays import ShownKeys
from messages.notice import sentence
from messages.signal import Chunk
from messages.text import TextEvent, render
from tests.emgtype.live.fakes import FakeListener, FakeSource

Run = Callable[..., subprocess.CompletedProcess[str]]
WINDOW = 12  # characters in a row that no sentence or line of ours shares with the text by chance


def quoted(text: str, said: str) -> list[str]:
    """Pieces of a text that are said."""
    return [text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1) if text[at : at + WINDOW] in said]


class Source(FakeSource):
    """A recording, as live samples; after some of them those that are no numbers, if wanted."""

    def __init__(self, chunks: Iterator[Chunk], broken: bool) -> None:
        super().__init__()
        self._chunks = chunks
        self._broken = broken
        self._count = 0

    def pull(self, timeout: float) -> Chunk:
        chunk = next(self._chunks)
        self._count += 1
        if self._broken and self._count == 15:
            return Chunk(np.full_like(chunk.samples, np.nan), chunk.times, chunk.layout)
        return chunk


class Breaks:
    """Fails when there is some text."""

    def __init__(self, keys: ShownKeys, fault: Callable[[TextEvent], object] | None) -> None:
        self._keys = keys
        self._fault = fault

    def push(self, event: TextEvent) -> None:
        self._keys.push(event)
        if self._fault and len(self._keys.labels) > 60:
            self._fault(event)


def _of_ours(_event: TextEvent) -> None:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("fault", ["a sink", "an edit that comes twice", "a key that is none", "no numbers"])
def test_a_fault_in_mid_stream_quotes_nothing(
    session_file: Path, tmp_path: Path, fault: str, capfd: pytest.CaptureFixture[str]
) -> None:
    keys, log = ShownKeys(), list[str]()
    (line,) = load_lines([load_config()])
    with (
        SessionReader(session_file) as session,
        open_publisher(f"ipc://{tmp_path}/text", "s", "me") as publisher,
    ):
        recent = Recent(publisher)
        faults: dict[str, Callable[[TextEvent], object]] = {
            "a sink": _of_ours,
            "an edit that comes twice": recent.push,
            "a key that is none": lambda event: render([*(key.label for key in event.insert), 98]),
        }
        source = Source(session.chunks(), fault == "no numbers")
        line.sinks += [publisher, recent, Breaks(keys, faults.get(fault))]
        wearer = Wearer("me", source, [line], FakeListener())
        daemon = Daemon([wearer], stall=60, heartbeat_every=1, notify=lambda notice: log.append(sentence(notice)))
        said = ""
        try:
            daemon.run()
        except Exception:  # whatever it is, its report must not quote
            said = traceback.format_exc()
    text = render(keys.labels)
    assert len(text) > 50
    assert "Traceback" in said
    captured = capfd.readouterr()
    assert quoted(text, said + "".join(log) + captured.out + captured.err) == []
    assert quoted(text, text[10:30])  # the check finds what it looks for


def test_replay_of_a_recording_that_breaks_off_quotes_nothing(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    path = shutil.copy(session_file, tmp_path / "broken.hdf5")
    with h5py.File(path, "r+") as file:
        series = file["emg2qwerty/timeseries"]
        row = series[40_000]
        row["emg_left"][3] = np.nan
        series[40_000] = row
    with SessionReader(session_file) as session:
        text = render(session.labels(session.start, session.end))
    for flags in ([], ["--json"]):
        done = emgtype("replay", path, "--fast", *flags)
        assert done.returncode == 2
        assert "sample 40000" in done.stderr
        assert quoted(text, done.stderr + done.stdout) == []
