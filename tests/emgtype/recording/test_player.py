"""Faults of what is played, as a listener over LSL gets them."""

import threading
import time
import uuid

import numpy as np
import pytest

from adapters.lsl.source import open_bands
from emgtype.recording.player import play
from messages.errors import InputError
from messages.signal import Chunk, joined
from simulator.fault_plan import parse_faults
from simulator.session import LAYOUT
from tests.emgtype.conftest import Run

SECONDS = 9  # liblsl may take some of them to take a stream up again
FIND = 5.0


def signal() -> Chunk:
    """Whose level says when it was taken: 10 units a second, around a level that muscles could have."""
    times = np.arange(round(SECONDS * LAYOUT.rate)) / LAYOUT.rate
    return Chunk(np.tile((10 * times).astype(np.float32)[:, None, None], (1, 2, 16)), times, LAYOUT)


@pytest.mark.slow
def test_a_listener_gets_what_the_faults_leave_and_the_stream_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.lsl.discover._LINGER_S", 0.1)
    names = [f"{side}-{uuid.uuid4().hex[:8]}" for side in LAYOUT.sides]
    faults = parse_faults("duplicate=1, nan@0.5+0.1/left, disconnect@1+0.5", LAYOUT)
    chunks: list[Chunk] = []
    player = threading.Thread(
        target=play,
        args=([signal()], names),
        kwargs={"sample_numbers": True, "wait": 20.0, "log": lambda _sentence: None, "faults": faults},
    )
    player.start()
    try:
        with open_bands(names, LAYOUT, FIND) as source:
            end = time.monotonic() + SECONDS + 10
            while time.monotonic() < end and (player.is_alive() or source.silent() == []):
                if (chunk := source.pull(0.1)) is not None:
                    chunks.append(chunk)
            figures = source.figures()
    finally:
        player.join()
    whole = joined(chunks)
    assert whole is not None
    taken = whole.samples[:, 1, 0] / 10
    # Before the break: behind it, what one band sends before its listener is back is missing, too.
    assert np.isnan(whole.samples[taken < 1.05, 0, 0]).sum() == pytest.approx(0.1 * LAYOUT.rate, abs=1)
    assert not ((taken > 1.05) & (taken < 1.45)).any()
    assert taken[-1] == pytest.approx(SECONDS, abs=0.2)
    assert figures["repeated"] >= 0.9 * LAYOUT.rate


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--out", "x.hdf5", "--faults", "loss"), "--faults goes with --stream or --bands"),
        (("--stream", "s", "--faults", "full-disk"), "full-disk is a fault of subscribers and recordings"),
        (("--stream", "s", "--faults", "band"), "needs a stream for each"),
        (("--stream", "s", "--faults", "lost"), "there is no fault 'lost'"),
    ],
)
def test_faults_that_cannot_be_played_are_refused(emgtype: Run, arguments: tuple[str, ...], says: str) -> None:
    refused = emgtype("simulate", *arguments)
    assert refused.returncode == 2
    assert says in refused.stderr


def test_a_session_without_samples_cannot_be_played() -> None:
    with pytest.raises(InputError, match="holds no samples"):
        play([], ["s"], sample_numbers=False, wait=0.0, log=lambda _sentence: None)
