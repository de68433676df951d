"""`emgtype serve` for several people: flags, layers, and the daemon as a process with real streams and subscribers."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pylsl
import pytest

from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.reader import SessionReader
from adapters.wire.format import TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.config import load_config
from emgtype.datasets.simulated import write_session
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.places import PACKAGE
from emgtype.replay.key_delays import ShownKeys
from emgtype.replay.replay import pieces
from emgtype.texts import load_text
from messages.signal import Chunk
from messages.text import render
from simulator.person import make_person
from simulator.session import LAYOUT, typing_session

Run = Callable[..., subprocess.CompletedProcess[str]]
BAD = 700  # the piece, of 1250, in which a value is not finite
FASTER = 3.0  # than typed: the daemon keeps up with more, and what counts is in the time stamps


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty seconds of the demo's person on two donnings: whoever wears the bands, the demo's model reads them."""
    paths = [tmp_path_factory.mktemp("people") / f"{donning}.hdf5" for donning in (4100, 4101)]
    for donning, path in zip((4100, 4101), paths, strict=True):
        write_session(path, typing_session(make_person(1), donning, load_text("demo"), 20.0))
    return paths


def chunks_of(session: Path) -> list[Chunk]:
    """In pieces as a radio sends them, times from 0 s."""
    with SessionReader(session) as recorded:
        start = recorded.start
        return [Chunk(c.samples, c.times - start, c.layout) for c in pieces(recorded.chunks(), 32)]


def alone(chunks: Sequence[Chunk], bundle: Path | str, layer: str = "") -> ShownKeys:
    """Return the keys that a pipeline types for the wearer alone."""
    config = load_config(flags={"bundle": str(bundle), "pipeline.person": layer})
    pipeline, keys = assemble(open_bundle(config.bundle), config), ShownKeys()
    for chunk in chunks:
        for event in pipeline.push(chunk):
            keys.push(event)
    for event in pipeline.finish():
        keys.push(event)
    return keys


class Served:
    """A daemon as a process, with a subscriber to each person's topics."""

    def __init__(self, process: subprocess.Popen[str], subscribers: dict[str, Subscriber]) -> None:
        self.process = process
        self.subscribers = subscribers
        self.keys = {person: ShownKeys() for person in subscribers}
        self.seqs: dict[str, list[int]] = {person: [] for person in subscribers}
        self.beats = dict.fromkeys(subscribers, 0)

    def listen(self, seconds: float) -> None:
        """Take in what everybody's topics bring."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for person, subscriber in self.subscribers.items():
                while (message := subscriber.receive(0.001)) is not None:
                    assert message.person == person
                    if isinstance(message, TextMessage):
                        self.keys[person].push(message.event)
                        self.seqs[person].append(message.seq)
                    else:
                        self.beats[person] += 1

    def until_alive(self) -> None:
        """Until everybody's heartbeat is heard: the loop runs, and no text will be missed."""
        end = time.monotonic() + 60
        while not all(self.beats.values()):
            assert self.process.poll() is None
            assert time.monotonic() < end
            self.listen(0.1)

    def play(self, lines: Sequence[tuple[Sequence[LSLOutlet], Sequence[Chunk]]]) -> None:
        """Everybody's chunks side by side through their outlets, listening meanwhile."""
        offset = pylsl.local_clock()
        began = time.monotonic()
        for number in range(max(len(chunks) for _, chunks in lines)):
            for outlets, chunks in lines:
                for outlet in outlets:
                    if number < len(chunks):
                        outlet.push(chunks[number], offset)
            if number % 8 == 0:
                typed = number * 32 / LAYOUT.rate / FASTER
                self.listen(max(0.0, began + typed - time.monotonic()))
        self.listen(1.0)

    def end(self) -> tuple[str, str]:
        """Ctrl-C: what the daemon printed and said."""
        self.process.send_signal(signal.SIGINT)
        out, said = self.process.communicate(timeout=30)
        self.listen(0.5)
        assert "Traceback" not in said
        assert self.process.returncode == 130
        return out, said


@contextmanager
def serving(environment: dict[str, str], folder: Path, persons: Sequence[str], *arguments: str) -> Iterator[Served]:
    endpoint = f"ipc://{folder}/text"
    flags = [flag for person in persons for flag in ("--person", person)]
    with ExitStack() as stack:
        subscribers = {person: stack.enter_context(Subscriber(endpoint, person)) for person in persons}
        process = subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", "serve", "--endpoint", endpoint, *flags, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Served(process, subscribers)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_everybody_gets_the_text_that_they_get_alone(
    environment: dict[str, str], tmp_path: Path, sessions: list[Path], shared: Path
) -> None:
    names = {person: f"{person}-{uuid.uuid4()}" for person in ("ann", "bob", "carl")}
    flags = [flag for name in names.values() for flag in ("--stream", name)]
    sent = [chunks_of(session) for session in (*sessions, sessions[0])]
    bad = Chunk(np.full_like(sent[2][0].samples, np.nan), sent[2][BAD].times, LAYOUT)
    sent[2] = [*sent[2][:BAD], bad, *sent[2][BAD + 1 :]]
    with ExitStack() as stack:
        outlets = [stack.enter_context(LSLOutlet(n, LAYOUT, n, sample_numbers=True)) for n in names.values()]
        served = stack.enter_context(
            serving(environment, tmp_path, list(names), *flags, "--bundle", str(shared), "--json")
        )
        served.until_alive()
        served.play([([outlet], chunks) for outlet, chunks in zip(outlets, sent, strict=True)])
        printed, said = served.end()
    expected = {
        "ann": alone(sent[0], shared),
        "bob": alone(sent[1], shared, "bob"),
        "carl": alone(sent[2], shared),
    }
    assert expected["bob"].labels != alone(sent[1], shared).labels  # so the layer is his
    for person, keys in expected.items():
        assert len(keys.labels) > 10
        assert served.keys[person].labels == keys.labels
        assert len(served.keys[person].final) == len(keys.final)  # all of it settled
        assert served.seqs[person] == list(range(len(served.seqs[person])))
        assert served.subscribers[person].lost == 0
    assert said.count("carl: samples were missing for up to 200 ms") == 1
    assert "has layers of bob, none of ann" in said
    report = json.loads(printed)
    for person, chunks in zip(names, sent, strict=True):
        assert report["people"][person]["lost"] == 0
        assert report["people"][person]["samples"] == sum(len(chunk.times) for chunk in chunks)
    assert set(report["people"]["ann"]["stages_ms"]) == {"conditioner", "spectrogram", "gate", "decoder"}
    assert set(report["people"]["bob"]["stages_ms"]) == {"conditioner", "spectrogram", "gate", "decoder", "personal"}
    (encoder,) = report["encoders"]
    assert (encoder["people"], set(encoder["stages_ms"])) == (["ann", "bob", "carl"], {"encoder"})


@pytest.mark.slow
def test_bands_and_bundles_of_each_and_a_stream_that_ends(
    environment: dict[str, str], tmp_path: Path, sessions: list[Path]
) -> None:
    demo, generic = (str(PACKAGE.find(f"exported/{name}")) for name in ("demo", "generic"))
    names = [f"{side}-{uuid.uuid4()}" for _ in sessions for side in LAYOUT.sides]
    flags = ["--bands", *names[:2], "--bands", *names[2:], "--bundle", demo, "--bundle", generic]
    chunks = [chunks_of(session) for session in sessions]
    with ExitStack() as stack:
        leaving = ExitStack()
        # Without a source id liblsl cannot take up again a stream that has ended.
        ann = [leaving.enter_context(LSLOutlet(n, LAYOUT, "", band=b)) for b, n in enumerate(names[:2])]
        bob = [stack.enter_context(LSLOutlet(n, LAYOUT, n, band=b)) for b, n in enumerate(names[2:])]
        served = stack.enter_context(serving(environment, tmp_path, ["ann", "bob"], *flags))
        with leaving:
            served.until_alive()
            served.play([(ann, chunks[0])])
        served.play([(bob, chunks[1])])
        printed, said = served.end()
    texts = {}
    for person, recorded, bundle in zip(("ann", "bob"), chunks, (demo, generic), strict=True):
        keys = alone(recorded, bundle)
        assert served.keys[person].labels == keys.labels
        texts[person] = render(keys.labels)
    assert "ann: stream" in said
    assert "has ended and has no source id" in said
    lines = printed.splitlines()
    for person, text in texts.items():
        mine = [line.removeprefix(f"{person}: ") for line in lines if line.startswith(f"{person}: ")]
        assert mine == text.removesuffix("\n").split("\n")


def test_the_command_refuses_them_in_one_sentence(emgtype: Run) -> None:
    done = emgtype("serve", "--stream", "s", "--stream", "t", "--person", "ann")
    assert done.returncode == 2
    assert done.stderr == (
        "emgtype: --person is given 1 times, expected 2: once for each --stream or --bands, in the same order\n"
    )
